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
  kernel: "attention_key_value_gradient",
  vectors: ["q", "k", "v", undefined, "dy", undefined, undefined],
  keepsKeys: true,
  kept: 4,
  shared: 2,
};

/**
 * The gradients of attention for its keys and its values, one after the other:
 * `[2, batch, keys, kvHeads, headDim]`, since both need the same probabilities.
 * Operands as those of the gradient for queries.
 */
export const ATTENTION_KEY_VALUE_GRADIENT: Operation<AttentionAttributes> = {
  name: "attention_key_value_gradient",
  infer: ([, k]) => ({ shape: [2, ...k!.shape], dtype: "f32" }),
  reference: (inputs, node) => {
    const [, dk, dv] = attentionGradients(inputs, node);
    const both = new Float64Array(dk.length + dv.length);
    both.set(dk);
    both.set(dv, dk.length);
    return both;
  },
  // Its workgroups have teams, which those of other kernels have not: in one
  // dispatch with them it would walk with a few threads where there are few keys.
  kernel: (request) => attentionCall(KERNEL, request),
  accepts: (index, operand) => attentionAccepts(KERNEL.vectors[index], operand),
};
