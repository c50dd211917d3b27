// Each kernel, lazy, against the same work composed of single operations that
// are evaluated one by one, on the device that WICK_DEVICE names.
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
import { repeat, tensorOf } from "./repeat.ts";

const device = await openDevice();

function compare(
  group: string,
  composed: () => Tensor,
  kernel: () => Tensor,
): void {
  for (
    const [name, make] of [["composed", composed], ["kernel", kernel]] as const
  ) {
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
const x = tensorOf(device, [ROWS, COLUMNS], 1);
const eagerX = tensorOf(device.eager, [ROWS, COLUMNS], 1);
const weight = tensorOf(device, [COLUMNS], 2);
const bias = tensorOf(device, [COLUMNS], 3);
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
const input = tensorOf(device, [ROWS, FEATURES], 4);
const eagerInput = tensorOf(device.eager, [ROWS, FEATURES], 4);
const base = tensorOf(device, [FEATURES, FEATURES], 5);
const a = tensorOf(device, [FEATURES, RANK], 6);
const b = tensorOf(device, [RANK, FEATURES], 7);

compare("lora", () => {
  const delta = mul(matmul(matmul(eagerInput, a), b), 2);
  return add(matmul(eagerInput, transpose(base)), delta);
}, () => loraLinear(input, base, a, b, { scaling: 2 }));
