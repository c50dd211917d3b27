// Lazy against eager evaluation through the same operations, on the device that
// WICK_DEVICE names. An iteration is 20 evaluations and then the fence.
import { type Device, openDevice } from "@wick/async-exec";
import {
  add,
  exp,
  loraLinear,
  matmul,
  mul,
  silu,
  softmax,
  sub,
  sum,
  tanh,
  type Tensor,
} from "@wick/core-tensor";
import { repeat, tensorOf } from "./repeat.ts";

const lazy = await openDevice();
const eager = lazy.eager;

/** Registers the two benches of a group. */
function compare(
  group: string,
  prepare: (device: Device) => () => readonly Tensor[],
): void {
  for (const [name, device] of [["eager", eager], ["lazy", lazy]] as const) {
    const record = prepare(device);
    repeat(device, record);
    Deno.bench({
      name,
      group,
      baseline: name === "eager",
      fn: () => repeat(device, record),
    });
  }
}

compare("add_1024", (device) => {
  const a = tensorOf(device, [1024], 1);
  const b = tensorOf(device, [1024], 2);
  return () => [add(a, b)];
});

for (const size of [64, 128, 256]) {
  compare(`matmul_${size}`, (device) => {
    const a = tensorOf(device, [size, size], 1);
    const b = tensorOf(device, [size, size], 2);
    return () => [matmul(a, b)];
  });
}

// Four sequences of 16 tokens, alpha 16: the scaling is 16 / 8.
const FEATURES = 512;
const RANK = 8;
const SCALING = 16 / RANK;

compare("lora_delta_512_r8", (device) => {
  const x = tensorOf(device, [4, 16, FEATURES], 1);
  const a = tensorOf(device, [FEATURES, RANK], 2);
  const b = tensorOf(device, [RANK, FEATURES], 3);
  return () => [mul(matmul(matmul(x, a), b), SCALING)];
});

compare("lora_forward_512_r8", (device) => {
  const x = tensorOf(device, [4, 16, FEATURES], 1);
  const a = tensorOf(device, [FEATURES, RANK], 2);
  const b = tensorOf(device, [RANK, FEATURES], 3);
  const weight = tensorOf(device, [FEATURES, FEATURES], 4);
  const bias = tensorOf(device, [FEATURES], 5);
  return () => [loraLinear(x, weight, a, b, { scaling: SCALING, bias })];
});

function complexGraph(x: Tensor, w: Tensor, b: Tensor): readonly Tensor[] {
  const hidden = silu(add(matmul(x, w), b));
  const gated = mul(hidden, tanh(sub(hidden, x)));
  const weights = softmax(mul(gated, 0.5), -1);
  return [sum(mul(exp(mul(weights, weights)), gated), -1)];
}

compare("complex_graph", (device) => {
  const x = tensorOf(device, [64, 128], 1);
  const w = tensorOf(device, [128, 128], 2);
  const b = tensorOf(device, [128], 3);
  return () => complexGraph(x, w, b);
});

/** Records eleven operations and runs none of them. */
function elevenOperations(x: Tensor, y: Tensor): Tensor {
  let sum = add(x, y);
  for (let i = 0; i < 5; i++) sum = add(mul(sum, x), y);
  return sum;
}

for (const [name, device] of [["eager", eager], ["lazy", lazy]] as const) {
  const x = tensorOf(device, [64], 1);
  const y = tensorOf(device, [64], 2);
  Deno.bench({
    name,
    group: "graph_building_11_ops",
    baseline: name === "eager",
    fn: () => {
      elevenOperations(x, y).dispose();
      if (device.evaluatesEagerly) device.fence();
    },
  });
}

{
  const x = tensorOf(lazy, [64, 128], 1);
  const w = tensorOf(lazy, [128, 128], 2);
  const b = tensorOf(lazy, [128], 3);
  Deno.bench({
    name: "sync",
    group: "async_overhead",
    baseline: true,
    fn: () => {
      const results = complexGraph(x, w, b);
      lazy.evaluate(results);
      lazy.fence();
      results.forEach((result) => result.dispose());
    },
  });
  Deno.bench({
    name: "async",
    group: "async_overhead",
    fn: async () => {
      const results = complexGraph(x, w, b);
      await lazy.evaluateAsync(results);
      results.forEach((result) => result.dispose());
    },
  });
}
