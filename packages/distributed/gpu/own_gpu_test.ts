import {
  type Communicator,
  ownGpuCommand,
  RankError,
  requireOwnGpu,
  singleProcess,
  visibleGpus,
} from "@wick/distributed";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

Deno.test("what is no device that can be opened is no GPU", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/nvidia0`, "a file");
  await Deno.symlink("/dev/null", `${folder}/nvidia1`);
  assertEquals(visibleGpus(folder), []);
  assertEquals(visibleGpus(`${folder}/absent`), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "the command sees its own GPU and no other",
  ignore: !isRoot,
  async fn() {
    const gpus = visibleGpusOf(["/dev/zero", "/dev/full", "/dev/random"]);
    const script =
      "for f in /dev/zero /dev/full /dev/random; do stat -c %t:%T $f; done";
    const [program, ...args] = ownGpuCommand(["sh", "-c", script], gpus, 1);
    const { stdout, stderr } = await new Deno.Command(program!, { args })
      .output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout), "1:3\n1:7\n1:3\n");
  },
});

Deno.test("more ranks than GPUs are refused", () => {
  const gpus = visibleGpusOf(["/dev/zero"]);
  assertThrows(
    () => ownGpuCommand(["true"], gpus, 1),
    RankError,
    "Cannot give rank 1 of this machine a GPU of its own: it has 1",
  );
});

Deno.test("two ranks of a machine on one adapter are refused", async () => {
  const twice = (hosts: readonly string[]): Communicator => ({
    ...singleProcess(),
    host: hosts[0]!,
    allGather: (bytes) => {
      const own = JSON.parse(new TextDecoder().decode(bytes));
      return Promise.resolve(
        hosts.map((host) =>
          new TextEncoder().encode(JSON.stringify({ ...own, host }))
        ),
      );
    },
  });
  await assertRejects(
    () => requireOwnGpu(twice(["a", "a"]), "some adapter", []),
    RankError,
    "ranks 0 and 1 of a share one GPU, some adapter",
  );
  await requireOwnGpu(twice(["a", "b"]), "some adapter", []);
  await requireOwnGpu(twice(["a", "a"]), undefined, []);
});

function visibleGpusOf(paths: readonly string[]) {
  return paths.map((path, device) => ({ path, device }));
}
