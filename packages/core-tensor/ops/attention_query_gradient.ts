import type { Operation } from "../operation.ts";
import {
  attentionAccepts,
  attentionCall,
  type AttentionKernel,
} from "./attention_call.ts";
import {
  type AttentionAttributes,
  attentionGradients,
} from "./attention_rows.ts";

const KERNEL: AttentionKernel = {
  kernel: "attention_query_gradient",
  vectors: ["q", "k", "v", undefined, "dy", undefined, undefined],
  keepsKeys: false,
  kept: 3,
  shared: 2,
};

/**
 * The gradient of attention for its queries. Operands: queries, keys, values,
 * limits, gradient of the result, statistics, and the sum of the result times
 * its gradient over each head.
 */
export const ATTENTION_QUERY_GRADIENT: Operation<AttentionAttributes> = {
  name: "attention_query_gradient",
  infer: ([q]) => ({ shape: q!.shape, dtype: "f32" }),
  reference: (inputs, node) => attentionGradients(inputs, node)[0],
  kernel: (request) => attentionCall(KERNEL, request),
  accepts: (index, operand) => attentionAccepts(KERNEL.vectors[index], operand),
};
