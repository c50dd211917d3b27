/**
 * Every operation, one file each.
 *
 * @module
 */
import { bindOperations } from "../fluent.ts";
import { abs } from "./abs.ts";
import { add } from "./add.ts";
import { amax } from "./amax.ts";
import { amin } from "./amin.ts";
import { argmax } from "./argmax.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { cast } from "./cast.ts";
import { div } from "./div.ts";
import { equal } from "./equal.ts";
import { exp } from "./exp.ts";
import { gelu } from "./gelu.ts";
import { greater } from "./greater.ts";
import { less } from "./less.ts";
import { log } from "./log.ts";
import { logSoftmax } from "./log_softmax.ts";
import { matmul } from "./matmul.ts";
import { maximum } from "./maximum.ts";
import { mean } from "./mean.ts";
import { minimum } from "./minimum.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { pow } from "./pow.ts";
import { relu } from "./relu.ts";
import { reshape } from "./reshape.ts";
import { rsqrt } from "./rsqrt.ts";
import { sigmoid } from "./sigmoid.ts";
import { silu } from "./silu.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { sqrt } from "./sqrt.ts";
import { square } from "./square.ts";
import { sub } from "./sub.ts";
import { sum } from "./sum.ts";
import { tanh } from "./tanh.ts";
import { transpose } from "./transpose.ts";

export { FULL, full } from "./full.ts";
export type { FullAttributes } from "./full.ts";
export { BROADCAST_TO, broadcastTo } from "./broadcast_to.ts";
export type { BroadcastToAttributes } from "./broadcast_to.ts";
export { RESHAPE, reshape } from "./reshape.ts";
export type { ReshapeAttributes } from "./reshape.ts";
export { TRANSPOSE, transpose } from "./transpose.ts";
export type { TransposeAttributes } from "./transpose.ts";
export { SLICE, slice } from "./slice.ts";
export type { SliceAttributes } from "./slice.ts";
export { PAD, pad } from "./pad.ts";
export type { PadAttributes } from "./pad.ts";
export { AFTER, after } from "./after.ts";
export { DETACH, detach } from "./detach.ts";
export { WITH_GRADIENTS, withGradients } from "./with_gradients.ts";
export { CAST, cast } from "./cast.ts";
export type { CastAttributes } from "./cast.ts";
export { ADD, add } from "./add.ts";
export { MUL, mul } from "./mul.ts";
export { EXP, exp } from "./exp.ts";
export { SUB, sub } from "./sub.ts";
export { DIV, div } from "./div.ts";
export { NEG, neg } from "./neg.ts";
export { ABS, abs } from "./abs.ts";
export { SIGN, sign } from "./sign.ts";
export { FLOOR, floor } from "./floor.ts";
export { SQUARE, square } from "./square.ts";
export { RECIPROCAL, reciprocal } from "./reciprocal.ts";
export { SQRT, sqrt } from "./sqrt.ts";
export { RSQRT, rsqrt } from "./rsqrt.ts";
export { CLAMP, clamp, type ClampOptions } from "./clamp.ts";
export { POW, pow, type PowAttributes } from "./pow.ts";
export { LOG, log } from "./log.ts";
export { SIN, sin } from "./sin.ts";
export { COS, cos } from "./cos.ts";
export { TANH, tanh } from "./tanh.ts";
export { SIGMOID, sigmoid } from "./sigmoid.ts";
export { RELU, relu } from "./relu.ts";
export { SILU, silu } from "./silu.ts";
export { ERF, erf } from "./erf.ts";
export { errorFunction } from "./error_function.ts";
export { GELU, gelu } from "./gelu.ts";
export { GELU_TANH, geluTanh } from "./gelu_tanh.ts";
export { MAXIMUM, maximum } from "./maximum.ts";
export { MINIMUM, minimum } from "./minimum.ts";
export { EQUAL, equal } from "./equal.ts";
export { NOT_EQUAL, notEqual } from "./not_equal.ts";
export { LESS, less } from "./less.ts";
export { LESS_EQUAL, lessEqual } from "./less_equal.ts";
export { GREATER, greater } from "./greater.ts";
export { GREATER_EQUAL, greaterEqual } from "./greater_equal.ts";
export { LOGICAL_NOT, logicalNot } from "./logical_not.ts";
export { WHERE, where } from "./where.ts";
export { SUM, sum } from "./sum.ts";
export type { ReduceOptions } from "./sum.ts";
export type { ReductionAttributes } from "./reduction.ts";
export type { AxisAttributes } from "./row_axis.ts";
export type { NormAttributes } from "./norm.ts";
export { type PartsAttributes, SUM_PARTS } from "./sum_parts.ts";
export { mean } from "./mean.ts";
export { AMAX, amax } from "./amax.ts";
export { AMIN, amin } from "./amin.ts";
export { ARGMAX, argmax } from "./argmax.ts";
export { SUM_OF_SQUARES, sumOfSquares } from "./sum_of_squares.ts";
export { SOFTMAX, softmax } from "./softmax.ts";
export { SOFTMAX_GRADIENT } from "./softmax_gradient.ts";
export { LOG_SOFTMAX, logSoftmax } from "./log_softmax.ts";
export { LOG_SOFTMAX_GRADIENT } from "./log_softmax_gradient.ts";
export { LOG_SUM_EXP, logSumExp } from "./log_sum_exp.ts";
export { RMS_NORM, rmsNorm, type RmsNormOptions } from "./rms_norm.ts";
export { RMS_NORM_GRADIENT } from "./rms_norm_gradient.ts";
export { LAYER_NORM, layerNorm, type LayerNormOptions } from "./layer_norm.ts";
export { LAYER_NORM_GRADIENT } from "./layer_norm_gradient.ts";
export {
  CROSS_ENTROPY,
  crossEntropy,
  type CrossEntropyOptions,
} from "./cross_entropy.ts";
export {
  CROSS_ENTROPY_GRADIENT,
  type CrossEntropyAttributes,
} from "./cross_entropy_gradient.ts";
export { CROSS_ENTROPY_WITH_GRADIENT } from "./cross_entropy_with_gradient.ts";
export { MATMUL, matmul } from "./matmul.ts";
export { JOINT_MATMUL, jointMatmul } from "./joint_matmul.ts";
export type { JointAttributes } from "./matmul_call.ts";
export { CHAIN_MATMUL } from "./chain_matmul.ts";
export { chainRows, type ChainSizes } from "./chain_rows.ts";
export { matmulClass } from "./matmul_class.ts";
export { loraLinear, type LoraLinearOptions } from "./lora_linear.ts";
export { GATHER_MATMUL, gatherMatmul } from "./gather_matmul.ts";
export type { GatherMatmulAttributes } from "./gather_matmul.ts";
export {
  GATHER_MATMUL_GRADIENT,
  gatherMatmulGradient,
  type GatherMatmulGradientAttributes,
} from "./gather_matmul_gradient.ts";
export { loraGather, type LoraGatherOptions } from "./lora_gather.ts";
export { loraRows, type LoraRowsOptions } from "./lora_rows.ts";
export { EMBEDDING, embedding } from "./embedding.ts";
export { EMBEDDING_GRADIENT, embeddingGradient } from "./embedding_gradient.ts";
export type { EmbeddingGradientAttributes } from "./embedding_gradient.ts";
export { CACHE_WRITE, cacheWrite } from "./cache_write.ts";
export { ACCUMULATE, accumulate } from "./accumulate.ts";
export { ADAMW, adamw } from "./adamw.ts";
export { ROPE, rope } from "./rope.ts";
export { ROPE_WRITE, ropeWrite } from "./rope_write.ts";
export type { RopeAttributes } from "./rope.ts";
export { ATTENTION, attention, type AttentionOptions } from "./attention.ts";
export type { AttentionAttributes } from "./attention_rows.ts";
export { ATTENTION_STATISTICS } from "./attention_statistics.ts";
export { ATTENTION_QUERY_GRADIENT } from "./attention_query_gradient.ts";
export {
  ATTENTION_KEY_VALUE_GRADIENT,
  keyGradientParts,
} from "./attention_key_value_gradient.ts";
export { scaledDotProductAttention } from "./scaled_dot_product_attention.ts";
export { CONCAT, concat } from "./concat.ts";
export type { ConcatAttributes } from "./concat.ts";
export { stack } from "./stack.ts";
export {
  RANDOM_NORMAL,
  RANDOM_UNIFORM,
  randomNormal,
  randomUniform,
} from "./random.ts";
export type { RandomAttributes, RandomOptions, SeedWords } from "./random.ts";
export { DROPOUT, dropout } from "./dropout.ts";
export type { DropoutAttributes } from "./dropout.ts";

bindOperations({
  add,
  sub,
  mul,
  div,
  maximum,
  minimum,
  equal,
  less,
  greater,
  pow,
  neg,
  abs,
  exp,
  log,
  sqrt,
  rsqrt,
  square,
  tanh,
  sigmoid,
  relu,
  silu,
  gelu,
  matmul,
  transpose,
  reshape,
  broadcastTo,
  slice,
  cast,
  sum,
  mean,
  amax,
  amin,
  argmax,
  softmax,
  logSoftmax,
});
