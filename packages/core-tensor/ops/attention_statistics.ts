import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import {
  attentionAccepts,
  attentionCall,
  type AttentionKernel,
} from "./attention_call.ts";
import {
  type AttentionAttributes,
  attentionRows,
  attentionSizes,
  logSumExp,
} from "./attention_rows.ts";

const KERNEL: AttentionKernel = {
  kernel: "attention_statistics",
  vectors: ["q", "k", undefined],
  keepsKeys: false,
  kept: 1,
  shared: 1,
};

/** The operation that {@linkcode attentionStatistics} records. */
export const ATTENTION_STATISTICS: Operation<AttentionAttributes> = {
  name: "attention_statistics",
  infer: ([q, k, limits]) => {
    const { batch, queries, heads } = attentionSizes([q!, k!, k!, limits!]);
    return { shape: [batch, queries, heads], dtype: "f32" };
  },
  reference: ([q, k, limits], { inputs, attributes }) => {
    const [a, b, c] = inputs;
    const sizes = attentionSizes([a!, b!, b!, c!]);
    return Float64Array.from(
      attentionRows(q!, k!, limits!, sizes, attributes),
      ({ scores }) => logSumExp(scores),
    );
  },
  besides: "attention",
  kernel: (request) => attentionCall(KERNEL, request),
  accepts: (index, operand) => attentionAccepts(KERNEL.vectors[index], operand),
};

/**
 * Records the logarithm of the sum of the exponentials of each query's scores,
 * from which the gradients of attention compute its probabilities again.
 *
 * @param q The queries, `[batch, queries, heads, headDim]`.
 * @param k The keys, `[batch, keys, kvHeads, headDim]`.
 * @param limits What each batch row sees, `[batch]`.
 * @param attributes Mask and scale.
 * @returns The logarithms, `[batch, queries, heads]`.
 */
export function attentionStatistics(
  q: Tensor,
  k: Tensor,
  limits: Tensor,
  attributes: AttentionAttributes,
): Tensor {
  return record(ATTENTION_STATISTICS, [q, k, limits], attributes);
}
