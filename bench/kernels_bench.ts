// Each fused kernel against the same work composed of single operations, both
// lazy, on the device that WICK_DEVICE names.
import { openDevice } from "@wick/async-exec";
import {
  add,
  amax,
  div,
  exp,
  layerNorm,
  loraLinear,
  matmul,
  mean,
  mul,
  rmsNorm,
  rsqrt,
  softmax,
  sub,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { numbers, repeat } from "./repeat.ts";

const device = await openDevice();

function tensor(shape: number[], seed: number): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return device.tensor(numbers(count, seed), { shape });
}

function compare(
  group: string,
  composed: () => Tensor,
  kernel: () => Tensor,
): void {
  for (
    const [name, make] of [["composed", composed], ["kernel", kernel]] as const
  ) {
    // Composed runs one operation a dispatch: eager tensors are evaluated so.
    const record = (): readonly Tensor[] => [make()];
    repeat(device, record);
    Deno.bench({
      name,
      group,
      baseline: name === "composed",
      fn: () => repeat(device, record),
    });
  }
}

const ROWS = 64;
const COLUMNS = 1024;
const x = tensor([ROWS, COLUMNS], 1);
const eagerX = device.eager.tensor(numbers(ROWS * COLUMNS, 1), {
  shape: [ROWS, COLUMNS],
});
const weight = tensor([COLUMNS], 2);
const bias = tensor([COLUMNS], 3);
const kept = { keepDimensions: true };

compare("softmax", () => {
  const weights = exp(sub(eagerX, amax(eagerX, -1, kept)));
  return div(weights, sum(weights, -1, kept));
}, () => softmax(x, -1));

compare("rms_norm", () => {
  const scale = rsqrt(add(mean(mul(eagerX, eagerX), -1, kept), 1e-6));
  return mul(mul(eagerX, scale), weight);
}, () => rmsNorm(x, weight, { eps: 1e-6 }));

compare("layer_norm", () => {
  const centred = sub(eagerX, mean(eagerX, -1, kept));
  const scale = rsqrt(add(mean(mul(centred, centred), -1, kept), 1e-5));
  return add(mul(mul(centred, scale), weight), bias);
}, () => layerNorm(x, weight, bias, { eps: 1e-5 }));

const FEATURES = 512;
const RANK = 8;
const input = tensor([ROWS, FEATURES], 4);
const eagerInput = device.eager.tensor(numbers(ROWS * FEATURES, 4), {
  shape: [ROWS, FEATURES],
});
const base = tensor([FEATURES, FEATURES], 5);
const a = tensor([FEATURES, RANK], 6);
const b = tensor([RANK, FEATURES], 7);

compare("lora", () => {
  const delta = mul(matmul(matmul(eagerInput, a), b), 2);
  return add(matmul(eagerInput, transpose(base)), delta);
}, () => loraLinear(input, base, a, b, { scaling: 2 }));
