/**
 * Every operation, one file each.
 *
 * @module
 */
export { FULL, full } from "./full.ts";
export { BROADCAST_TO, broadcastTo } from "./broadcast_to.ts";
export { RESHAPE, reshape } from "./reshape.ts";
export { TRANSPOSE, transpose } from "./transpose.ts";
export { SLICE, slice } from "./slice.ts";
export { PAD, pad } from "./pad.ts";
export { CAST, cast } from "./cast.ts";
export { ADD, add } from "./add.ts";
export { MUL, mul } from "./mul.ts";
export { EXP, exp } from "./exp.ts";
export { SUM, sum } from "./sum.ts";
export type { ReduceOptions } from "./sum.ts";
export { MATMUL, matmul } from "./matmul.ts";
export { JOINT_MATMUL, jointMatmul } from "./joint_matmul.ts";
export { loraLinear, type LoraLinearOptions } from "./lora_linear.ts";
