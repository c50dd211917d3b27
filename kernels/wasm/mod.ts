// The kernels of the CPU device in WebAssembly SIMD, written in AssemblyScript:
// TypeScript whose numbers have the sizes of the machine. `deno task wasm`
// embeds them. Each takes the units of work from `first` to `last` and a scratch
// of its thread, so that a pool of threads can share them.
export { multiplyPacked, packRight } from "./matmul";
export { rowsByColumns, rowsByRows } from "./matmul_rows";
export { erf4, exp4, log4, sigmoid4, tanh4 } from "./functions";
export {
  attentionSlopes,
  logSoftmaxRows,
  logSumExpRows,
  logSumExpSeen,
  scaledExponentials,
  softmaxRows,
  softmaxSeen,
} from "./rows";
