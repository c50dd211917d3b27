import { deepEqual, equal, rejects } from "node:assert/strict";
import { compileKernels, embedModules } from "./build_wasm.ts";

const SOURCES = new Map([
  ["mod.ts", 'export { twice } from "./twice";\n'],
  [
    "twice.ts",
    "export function twice(x: f32): f32 {\n" +
    "  const y = f32x4.splat(x);\n" +
    "  const sum = ASC_FEATURE_RELAXED_SIMD\n" +
    "    ? f32x4.relaxed_madd(y, f32x4.splat(1), y) : f32x4.add(y, y);\n" +
    "  return f32x4.extract_lane(sum, 0);\n}\n",
  ],
]);

for (const relaxed of [false, true]) {
  Deno.test(`compileKernels() gives a module that runs, relaxed: ${relaxed}`, async () => {
    const module = await compileKernels(SOURCES, relaxed);
    const memory = new WebAssembly.Memory({
      ...{ initial: 1, maximum: 65536, shared: true },
    });
    const { instance } = await WebAssembly.instantiate(
      Uint8Array.from(module),
      { env: { memory } },
    );
    const { twice } = instance.exports;
    equal(typeof twice === "function" && twice(21), 42);
  });
}

Deno.test("compileKernels() says what does not compile", async () => {
  const sources = new Map([["mod.ts", "export function bad(): f32 { x }"]]);
  await rejects(
    () => compileKernels(sources, false),
    /^SyntaxError: Cannot compile the kernels[\s\S]*mod\.ts/,
  );
});

Deno.test("embedModules() keeps every byte", async () => {
  const plain = Uint8Array.from({ length: 300 }, (_, i) => i);
  const code = embedModules(plain, plain.toReversed());
  const { PLAIN_KERNELS, RELAXED_KERNELS } = await import(
    `data:application/typescript,${encodeURIComponent(code)}`
  );
  deepEqual(Uint8Array.fromBase64(PLAIN_KERNELS), plain);
  deepEqual(Uint8Array.fromBase64(RELAXED_KERNELS), plain.toReversed());
});
