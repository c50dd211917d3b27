/**
 * Every operation, one file each.
 *
 * @module
 */
export { full } from "./full.ts";
export { broadcastTo } from "./broadcast_to.ts";
export { reshape } from "./reshape.ts";
export { transpose } from "./transpose.ts";
export { slice } from "./slice.ts";
export { pad } from "./pad.ts";
export { cast } from "./cast.ts";
export { ADD, add } from "./add.ts";
export { mul } from "./mul.ts";
export { exp } from "./exp.ts";
export { sum } from "./sum.ts";
export type { ReduceOptions } from "./sum.ts";
export { matmul } from "./matmul.ts";
