import { TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const CONFIG = `${import.meta.dirname}/../../deno.json`;

/** Runs a program that may open devices, in a process of its own. */
async function run(
  body: string,
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = ["--allow-env"],
) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", `--config=${CONFIG}`],
      ...[...flags, "-"],
    ],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
  }).spawn();
  const writer = child.stdin.getWriter();
  const program = `import { openDevice } from "@wick/async-exec";\n${body}`;
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return {
    code,
    out: decoder.decode(stdout).trim(),
    error: decoder.decode(stderr),
  };
}

Deno.test("a device is announced once in a process, and not if nobody wants it", async () => {
  const { out, error } = await run(
    `const options = { device: "cpu", threads: 1, blas: false };
    (await openDevice({ ...options, announce: false })).close();
    console.error("then");
    for (let i = 0; i < 2; i++) (await openDevice(options)).close();
    console.log("done");`,
    {},
  );
  assertEquals(out, "done");
  assertMatch(error, /^then\nwick: CPU, WebAssembly SIMD, 1 thread\n$/);
});

Deno.test("an environment variable that says nothing known is refused with what would do", async () => {
  const { code, error } = await run("await openDevice();", {
    WICK_DEVICE: "abacus",
  });
  assertEquals(code, 1);
  assertStringIncludes(
    error,
    'RangeError: Cannot open the device "abacus" that WICK_DEVICE names: use auto, webgpu or cpu',
  );
});

Deno.test({
  name: "WICK_TUNING may be off, stored or measure, and nothing else",
  ignore: TEST_DEVICES[1]!.ignore,
  async fn() {
    const body = 'await openDevice({ device: "webgpu" });';
    const { code, error } = await run(body, { WICK_TUNING: "often" });
    assertEquals(code, 1);
    assertStringIncludes(
      error,
      'Cannot tune kernels as WICK_TUNING says, "often": use off, stored or measure',
    );
  },
});

Deno.test("an environment that may not be read is as good as none", async () => {
  const { code, out } = await run(
    "const device = await openDevice(); console.log(device.name);",
    { WICK_DEVICE: "abacus" },
    [],
  );
  assertEquals([code, ["cpu", "webgpu"].includes(out)], [0, true], out);
});
