// The compiler of browsers refuses what that of Deno accepts: barriers that some
// threads of a workgroup may not come to.
import { assertEquals } from "@std/assert";
import { NO_BROWSER, SOFTWARE_WEBGPU, visitPage } from "@wick/testing/browser";
import { KERNEL_NAMES, kernelSource, kernelText } from "./mod.ts";

/** What the compiler of a browser says of a shader; nothing if it is right. */
type Messages = Readonly<Record<string, readonly string[]>>;

/** Runs on the page. */
async function compile(texts: Record<string, string>): Promise<Messages> {
  const adapter = await navigator.gpu.requestAdapter();
  const requiredFeatures: GPUFeatureName[] = ["subgroups"];
  const device = await adapter!.requestDevice({ requiredFeatures });
  const found: Record<string, string[]> = {};
  for (const [name, text] of Object.entries(texts)) {
    // Deno refuses the line, and needs none.
    const code = /\bsubgroup[A-Z]/.test(text)
      ? `enable subgroups; ${text}`
      : text;
    const module = device.createShaderModule({ code });
    const { messages } = await module.getCompilationInfo();
    found[name] = messages.map(({ lineNum, message }) =>
      `line ${lineNum}: ${message}`
    );
  }
  return found;
}

async function inBrowser(texts: Record<string, string>): Promise<Messages> {
  const sent = await visitPage({
    script: `const said = await (${compile})(${JSON.stringify(texts)})
  .catch((error) => ({ page: [String(error)] }));
await fetch("/result", { method: "POST", body: JSON.stringify(said) });`,
    root: new URL(".", import.meta.url),
    flags: SOFTWARE_WEBGPU,
  });
  return JSON.parse(sent);
}

Deno.test({
  name: "every kernel compiles in a browser, as it stands and specialised",
  ignore: NO_BROWSER,
  fn: async () => {
    const texts = Object.fromEntries(
      KERNEL_NAMES.flatMap((name) => [
        [name, kernelText(name)],
        [`${name}, specialised`, kernelSource(name)],
      ]),
    );
    const want = Object.fromEntries(
      Object.keys(texts).map((name) => [name, []]),
    );
    assertEquals(await inBrowser(texts), want);
  },
});

Deno.test({
  name: "a barrier that some threads miss does not compile in a browser",
  ignore: NO_BROWSER,
  fn: async () => {
    const code = `@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
  if lane < 4 {
    workgroupBarrier();
  }
}`;
    const { barrier } = await inBrowser({ barrier: code });
    assertEquals(barrier?.some((line) => line.includes("uniform")), true);
  },
});
