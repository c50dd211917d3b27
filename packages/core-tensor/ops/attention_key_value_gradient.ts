import { isGpu } from "../is_gpu.ts";
import type { DeviceTraits, Operation, TensorSpec } from "../operation.ts";
import {
  attentionAccepts,
  attentionCall,
  type AttentionKernel,
} from "./attention_call.ts";
import {
  type AttentionAttributes,
  attentionGradients,
  attentionSizes,
} from "./attention_rows.ts";

const KERNEL: AttentionKernel = {
  kernel: "attention_key_value_gradient",
  vectors: ["q", "k", "v", undefined, "dy", undefined, undefined],
  keepsKeys: true,
  kept: 4,
  shared: 2,
};

// Workgroups that keep a large GPU busy, and keys of each as a rule.
const MANY_GROUPS = 256;
const KEYS_OF_GROUP = 32;

/**
 * Tells in how many parts the heads that share keys should have the gradients of
 * these: in as many as there are heads if a large GPU has too little to do else.
 *
 * @param inputs The operands of the gradient.
 * @param traits What the device is like.
 * @returns How many, 1 for all together, as on what is no GPU.
 */
export function keyGradientParts(
  inputs: readonly TensorSpec[],
  traits: DeviceTraits,
): number {
  if (!isGpu(traits)) return 1;
  const { batch, keys, heads, kvHeads } = attentionSizes(inputs);
  const groups = batch * kvHeads * Math.ceil(keys / KEYS_OF_GROUP);
  return groups < MANY_GROUPS ? heads / kvHeads : 1;
}

/**
 * The gradients of attention for its keys and its values, one after the other:
 * `[2, batch, keys, kvHeads, headDim]`, since both need the same probabilities;
 * with an axis of parts before the last if there are several, which add up to
 * them. Operands as those of the gradient for queries.
 */
export const ATTENTION_KEY_VALUE_GRADIENT: Operation<AttentionAttributes> = {
  name: "attention_key_value_gradient",
  infer: ([, k], { parts = 1 }) => ({
    shape: [2, ...k!.shape.toSpliced(3, 0, ...parts > 1 ? [parts] : [])],
    dtype: "f32",
  }),
  reference: (inputs, node) => {
    const [, dk, dv] = attentionGradients(inputs, node);
    const both = new Float64Array(dk.length + dv.length);
    both.set(dk);
    both.set(dv, dk.length);
    return both;
  },
  // No kernel runs beside it: its tiles may have teams, which those of others have
  // not. In one dispatch with them few threads would walk where there are few keys.
  kernel: (request) => attentionCall(KERNEL, request),
  accepts: (index, operand) => attentionAccepts(KERNEL.vectors[index], operand),
};
