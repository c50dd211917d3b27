// The kernels of the CPU device in WebAssembly SIMD, written in AssemblyScript:
// TypeScript whose numbers have the sizes of the machine. `deno task wasm`
// embeds them. Each takes the units of work from `first` to `last` and a scratch
// of its thread, so that a pool of threads can share them.
export { multiplyPacked, packRight } from "./matmul";
export { rowsByColumns, rowsByRows } from "./matmul_rows";
export {
  prepareRows,
  rowsByQuantized,
  unpackColumns,
  unpackRows,
} from "./quantized";
export { multiplyByColumns, multiplyByRows } from "./matmul_direct";
export {
  layerNormRows,
  layerNormSlopes,
  rmsNormRows,
  rmsNormSlopes,
} from "./norms";
export {
  BIAS,
  erf4,
  exp4,
  LEAST,
  LEAST_NORMAL,
  LN_2_HIGH,
  LN_2_LOW,
  log4,
  MAGIC,
  MOST,
  ONE,
  P1,
  P2,
  P3,
  P4,
  P5,
  PER_LN_2,
  sigmoid4,
  tanh4,
} from "./functions";
export {
  attentionSlopes,
  logSoftmaxRows,
  logSumExpRows,
  logSumExpSeen,
  scaledExponentials,
  softmaxGradientRows,
  softmaxRows,
  softmaxSeen,
} from "./rows";
export { sumRows } from "./sums";
