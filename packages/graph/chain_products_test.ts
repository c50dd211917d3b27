import {
  add,
  type DeviceTraits,
  exp,
  loraLinear,
  matmul,
  mul,
  silu,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { given } from "@wick/testing";
import { assertEquals, assertNotEquals } from "@std/assert";
import {
  buildPlan,
  ComputationGraph,
  DEFAULT_TRAITS,
  gradients,
  type Plan,
} from "./mod.ts";

function plan(roots: Tensor[], traits: Partial<DeviceTraits> = {}): Plan {
  const { graph, roots: ids } = ComputationGraph.trace(roots);
  return buildPlan(graph, ids, { ...DEFAULT_TRAITS, ...traits });
}

function labels(roots: Tensor[], traits?: Partial<DeviceTraits>): string[] {
  return plan(roots, traits).steps.map(({ label }) => label);
}

/** `s·(x·a)·b` of `[m, k]`, `[k, r]` and `[r, n]`. */
function delta(m: number, k: number, r: number, n: number, scale = 2): Tensor {
  const h = matmul(given([m, k]), given([k, r]));
  return matmul(mul(h, scale), given([r, n]));
}

const CHAINED = ["chain_matmul"];
const APART = ["matmul+mul", "matmul"];

Deno.test("two products in a row are one dispatch where the first is narrow", () => {
  for (
    const [m, k, r, n] of [
      [1, 512, 8, 512],
      [64, 2048, 8, 2048],
      [128, 2048, 8, 2048],
      [64, 512, 64, 512],
    ] as const
  ) assertEquals(labels([delta(m, k, r, n)]), CHAINED, `${[m, k, r, n]}`);
});

Deno.test("two products stay apart where that is faster or the kernel cannot", () => {
  for (
    const [m, k, r, n] of [
      [1, 512, 68, 512], // the rank is too large
      [2048, 512, 8, 512], // many rows
      [1, 4096, 64, 4096], // much to read for one workgroup
      ...[[4, 510, 8, 512], [4, 512, 6, 512], [4, 512, 8, 510]] as const,
    ] as const
  ) assertEquals(labels([delta(m, k, r, n)]), APART, `${[m, k, r, n]}`);
  assertEquals(labels([delta(4, 64, 8, 64, Infinity)]), APART);
});

Deno.test("two products stay apart on a rasteriser and on the CPU", () => {
  for (const traits of [{ adapterClass: "software" }, { isSequential: true }]) {
    assertEquals(
      labels([delta(4, 64, 8, 64)], traits as Partial<DeviceTraits>),
      APART,
    );
  }
});

Deno.test("the chain has the scale, what comes after it and its turned matrices", () => {
  const h = matmul(given([4, 64]), transpose(given([8, 64])));
  const y = matmul(mul(mul(h, 2), 0.75), transpose(given([32, 8])));
  const { steps: [step, ...others] } = plan([
    add(given([4, 32]), silu(add(y, given([32])))),
  ]);
  assertEquals(others, []);
  assertEquals(step!.label, "chain_matmul+add+silu+add");
  assertEquals(step!.main!.attributes, { scale: 1.5 });
});

Deno.test("a narrow product that something else needs is computed by itself", () => {
  const h = matmul(given([4, 64]), given([64, 8]));
  const y = matmul(h, given([8, 64]));
  assertEquals(labels([y, h]), ["matmul", "matmul"]);
  assertEquals(labels([y, exp(h)]).length, 3);
  const [x, a, b] = [given([4, 64]), given([64, 8]), given([8, 64])];
  const trained = matmul(mul(matmul(x, a), 2), b);
  const found = gradients(trained, [a, b], given([4, 64]));
  const all = labels([trained, ...found]);
  assertEquals(all.filter((label) => label.startsWith("chain")), []);
});

Deno.test("the gradient of the input alone is a chain", () => {
  const x = given([4, 64]);
  const y = matmul(mul(matmul(x, given([64, 8])), 2), given([8, 32]));
  const [dx] = gradients(y, [x], given([4, 32]));
  assertEquals(labels([dx!]), CHAINED);
});

Deno.test("a matrix that is computed may need what was updated: no chain", () => {
  const h = matmul(given([4, 64]), given([64, 8]));
  assertEquals(
    labels([matmul(h, exp(given([8, 64])))]),
    [
      "matmul",
      "exp+matmul",
    ],
  );
});

Deno.test("of three products in a row the first two are a chain", () => {
  const y = matmul(delta(4, 64, 8, 16), given([16, 64]));
  assertEquals(labels([y]), ["chain_matmul", "matmul"]);
});

Deno.test("the product of a layer is joined with its adapter's, quantized or not", () => {
  for (const dtype of ["f32", "bf16", "q4g64f16"] as const) {
    const weight = given([32, 64], dtype);
    const y = loraLinear(
      given([4, 64]),
      weight,
      given([64, 8]),
      given([8, 32]),
      { scaling: 2 },
    );
    assertEquals(labels([y]), ["matmul+mul", "joint_matmul"]);
  }
});

Deno.test("products that share dispatches with others are not made a chain", () => {
  const x = given([4, 64]);
  const [first, second] = [1, 2].map(() =>
    matmul(matmul(x, given([64, 8])), given([8, 32]))
  );
  const y = add(add(matmul(x, given([64, 32])), first!), second!);
  const traits = { maxDispatchSteps: 7, maxStorageBuffers: 32 };
  assertEquals(labels([y], traits), [
    "matmul | matmul",
    "matmul, joint_matmul+add",
  ]);
  // Alone they are chains side by side.
  assertEquals(labels([first!, second!], traits), [
    "chain_matmul | chain_matmul",
  ]);
});

Deno.test("plans of other scales are other plans", () => {
  const [two, three] = [2, 3].map((scale) =>
    plan([delta(4, 64, 8, 64, scale)]).steps
  );
  assertNotEquals(two, three);
});
