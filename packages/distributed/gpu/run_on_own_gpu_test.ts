// This file is the test and, with arguments, the program that it runs.
import { runOnOwnGpu, visibleGpus } from "@wick/distributed";
import { assertEquals, assertStringIncludes } from "@std/assert";

const SELF = new URL(import.meta.url).pathname;

if (import.meta.main && Deno.args[0] === "rank") {
  const code = await runOnOwnGpu(Number(Deno.args[1]));
  if (code !== undefined) Deno.exit(code);
  const told = Promise.withResolvers<void>();
  if (Deno.args[2] === "wait") Deno.addSignalListener("SIGTERM", told.resolve);
  else told.resolve();
  await say(JSON.stringify({
    gpus: visibleGpus()?.map(({ path }) => path),
    args: Deno.args,
  }));
  await told.promise;
  Deno.exit(7);
}

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

/** Sets up a `/dev` of its own that shows some GPUs, and runs a command. */
const WITH_GPUS = [
  ...["set -e", "mount -t tmpfs none /dev", "mknod /dev/null c 1 3"],
  ...["mknod /dev/urandom c 1 9", "mknod /dev/nvidiactl c 1 5"],
  // Any device that can be opened stands for a GPU here.
  'for n in $1; do mknod "/dev/nvidia$n" c 1 5; done',
  'shift; exec "$@"',
].join("\n");

/** Whether a process may have a `/dev` of its own. */
const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;

/** Starts a rank on a machine with GPUs of these numbers. */
function start(
  gpus: string,
  args: readonly string[],
  { path, flags = ["-A"] }: {
    readonly path?: string;
    readonly flags?: readonly string[];
  } = {},
): Deno.ChildProcess {
  return new Deno.Command("unshare", {
    args: [
      ...["--mount", "sh", "-c", WITH_GPUS, "test", gpus],
      ...(path === undefined ? [] : ["env", `PATH=${path}`]),
      ...[Deno.execPath(), "run", "--no-prompt", ...flags, SELF, "rank"],
      ...args,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).spawn();
}

async function run(...of: Parameters<typeof start>) {
  const { code, stdout, stderr } = await start(...of).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test({
  name: "a rank runs again with its GPU alone, its arguments and its exit code",
  ignore,
  async fn() {
    // In the order of the numbers, not of the letters.
    for (const [rank, gpu] of [["0", "nvidia9"], ["1", "nvidia10"]] as const) {
      const { code, out, error } = await run("10 9", [rank, "two words", ""]);
      assertEquals([error, code], ["", 7]);
      assertEquals(JSON.parse(out), {
        gpus: [`/dev/${gpu}`],
        args: ["rank", rank, "two words", ""],
      });
    }
  },
});

Deno.test({
  name: "the one rank of a machine with one GPU goes on as it is",
  ignore,
  async fn() {
    // Without `unshare` it could not run again.
    const { code, out, error } = await run("3", ["0"], { path: "/nowhere" });
    assertEquals([error, code], ["", 7]);
    assertEquals(JSON.parse(out).gpus, ["/dev/nvidia3"]);
  },
});

Deno.test({
  name: "a signal reaches the run that sees one GPU",
  ignore,
  async fn() {
    const child = start("0 1", ["1", "wait"]);
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 7);
    await reader.cancel();
    await child.stderr.cancel();
  },
});

Deno.test({
  name: "where GPUs cannot be hidden, the rank says what it takes",
  ignore,
  async fn() {
    const many = await run("0 1", ["2"]);
    assertStringIncludes(
      many.error,
      "Cannot give rank 2 of this machine a GPU of its own: it has 2",
    );
    const bare = await run("0 1", ["1"], { path: "/nowhere" });
    assertStringIncludes(bare.error, "it takes Linux, the program unshare");
    const flags = ["--allow-env", "--allow-read"];
    const denied = await run("0 1", ["1"], { flags });
    assertStringIncludes(denied.error, "start it as deno run -A");
    assertEquals([many.code, bare.code, denied.code], [1, 1, 1]);
  },
});
