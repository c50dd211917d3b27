/**
 * Lazy tensors: describe now, run later.
 *
 * ```ts
 * import { add, full } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(add(full([2, 1], 1), full([3], 2)).shape, [2, 3]);
 * ```
 *
 * @module
 */
export { knownTensor, record, Tensor } from "./tensor.ts";
export type { KnownTensorOptions } from "./tensor.ts";
export { FluentTensor } from "./fluent.ts";
export { isGpu } from "./is_gpu.ts";
export * from "./ops/mod.ts";
export { OPERATIONS } from "./ops/registry.ts";
export type {
  DeviceTraits,
  KernelCall,
  KernelOperand,
  KernelRequest,
  KernelTuning,
  NodeOf,
  Operation,
  TensorNodeOf,
  TensorSpec,
} from "./operation.ts";
export { matmulVariant } from "./ops/matmul_variant.ts";
export {
  type QuantizedBuffer,
  quantizedElement,
  quantizedFour,
} from "./ops/read_quantized.ts";
export type {
  MatmulForm,
  MatmulKernel,
  MatmulOperand,
  MatmulRequest,
  MatmulType,
  MatmulVariant,
} from "./ops/matmul_variant.ts";
export { ropeTable } from "./rope_table.ts";
export { philox } from "./philox.ts";
export type { PhiloxWords } from "./philox.ts";
export type { EvaluateOptions, Executor, Storage } from "./executor.ts";
export { byteLength, DTYPES, promote } from "./dtype.ts";
export type { DType, DTypeTraits, HostArray, PlainDType } from "./dtype.ts";
export {
  isQuantized,
  isQuantizedBits,
  isQuantizedGroupSize,
  QUANTIZED_DTYPES,
  quantizedDType,
} from "./quantized_dtype.ts";
export type {
  QuantizedBits,
  QuantizedDType,
  QuantizedGroupSize,
  QuantizedTraits,
  ScaleDType,
} from "./quantized_dtype.ts";
export { bf16Round } from "./bf16_round.ts";
export { quantize } from "./quantize.ts";
export {
  dequantize,
  dequantizeInto,
  type QuantizedScales,
  quantizedScales,
} from "./dequantize.ts";
export {
  broadcastShapes,
  elementCount,
  resolveAxis,
  rowMajorStrides,
  sameShape,
} from "./shape.ts";
export type { Shape } from "./shape.ts";
export {
  broadcastView,
  isRowMajor,
  permuteView,
  reshapeView,
  rowMajorView,
  sliceView,
} from "./view.ts";
export type { View } from "./view.ts";
