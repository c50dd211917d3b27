import { assertEquals } from "@std/assert";
import { layerFaults } from "./check_layers.ts";

const faults = (path: string, text: string): string[] =>
  layerFaults([{ path, text }]);

Deno.test("layerFaults() lets a package import those to its left", () => {
  const text = `import { kernelSource } from "@wick/kernels-wgsl";
import { add } from "@wick/core-tensor/ops";
import { plan } from "./plan.ts";
export * from "../graph/fuse.ts";`;
  assertEquals(faults("packages/graph/mod.ts", text), []);
});

const FORMS = [
  'import { run } from "@wick/async-exec";',
  'import type { Device } from "@wick/async-exec";',
  'import {\n  run,\n  read,\n} from "@wick/async-exec";',
  'export * from "@wick/async-exec";',
  'import "@wick/async-exec";',
  'const { run } = await import("@wick/async-exec");',
  "import { run } from '@wick/async-exec';",
  'import { run } from "../async-exec/run.ts";',
];

for (const form of FORMS) {
  Deno.test(`layerFaults() finds ${JSON.stringify(form)}`, () => {
    assertEquals(faults("packages/graph/plan.ts", form), [
      'packages/graph/plan.ts: "graph" may not import "async-exec"',
    ]);
    assertEquals(faults("packages/graph/plan_test.ts", form), []);
  });
}

Deno.test("layerFaults() finds relative imports from deeper folders", () => {
  const text = 'import { run } from "../../graph/plan.ts";';
  assertEquals(faults("packages/core-tensor/ops/add.ts", text).length, 1);
});

Deno.test("layerFaults() keeps @wick/testing to tests and doc comments", () => {
  const text = 'import { assertClose } from "@wick/testing";';
  assertEquals(faults("packages/lora/lora.ts", text).length, 1);
  assertEquals(faults("packages/lora/lora_test.ts", text), []);
  assertEquals(faults("packages/lora/lora_bench.ts", text), []);
  assertEquals(faults("packages/lora/lora.ts", `/**\n * ${text}\n */`), []);
});

Deno.test("layerFaults() is not misled by comments in strings", () => {
  const text = 'const a = "/*";\nimport "@wick/cli"; // "*/"';
  assertEquals(faults("packages/lora/lora.ts", text).length, 1);
});

Deno.test("layerFaults() wants a place for every package", () => {
  assertEquals(faults("packages/extras/mod.ts", ""), [
    'packages/extras/mod.ts: "extras" has no place in the order',
  ]);
});

Deno.test("layerFaults() refuses packages that are not in the order", () => {
  const text = 'import { x } from "@wick/extras";';
  assertEquals(faults("packages/cli/mod.ts", text).length, 1);
});
