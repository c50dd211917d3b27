import { TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";

const MODULE = import.meta.resolve("./terminate_worker.ts");

/** Runs a program that ends right after its worker. */
async function run(work: string) {
  const program = `
import { terminateWorker } from ${JSON.stringify(MODULE)};
const text = ${JSON.stringify(`${work}\npostMessage(0);`)};
const url = "data:text/javascript," + encodeURIComponent(text);
const worker = new Worker(url, { type: "module" });
await new Promise((resolve) => worker.onmessage = resolve);
terminateWorker(worker);
const start = performance.now();
addEventListener("unload", () => console.log(performance.now() - start));
`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", "--quiet", "--allow-read", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { code, signal, stdout } = await child.output();
  return { code, signal, waited: Number(new TextDecoder().decode(stdout)) };
}

Deno.test("a process that ends right after its worker waits for it", async () => {
  const { code, signal, waited } = await run("");
  assertEquals({ code, signal }, { code: 0, signal: null });
  assert(waited > 1500 && waited < 5000, `${waited} ms`);
});

Deno.test({
  name: "a process that ends right after its worker's device does not crash",
  ignore: TEST_DEVICES.find(({ name }) => name === "webgpu")!.ignore,
  async fn() {
    const ends = await Promise.all(
      Array.from({ length: 12 }, () =>
        run(`
const adapter = await navigator.gpu.requestAdapter();
globalThis.device = await adapter.requestDevice();
`)),
    );
    for (const { code, signal } of ends) {
      assertEquals({ code, signal }, { code: 0, signal: null });
    }
  },
});
