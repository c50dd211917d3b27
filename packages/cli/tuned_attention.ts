import type { DeviceTraits } from "@wick/core-tensor";
import {
  ATTENTION,
  ATTENTION_KEY_VALUE_GRADIENT,
  ATTENTION_QUERY_GRADIENT,
  keyGradientParts,
} from "@wick/core-tensor/ops";
import { operandOf, type TunedItem } from "./tuned_item.ts";

/** The heads of an attention. */
export interface AttentionHeads {
  /** Heads of queries. */
  readonly heads: number;
  /** Heads of keys and values. */
  readonly keyValueHeads: number;
  /** Features of a head. */
  readonly headDim: number;
}

/**
 * Lists causal attention: of a prompt, with its gradients, and of one token.
 *
 * @param tokens Tokens of a prompt, and of what one token sees.
 * @param size The heads.
 * @param traits What the device is like.
 * @returns The work, as it is in a plan for the device.
 */
export function attentionItems(
  tokens: number,
  size: AttentionHeads,
  traits: DeviceTraits,
): TunedItem[] {
  const { heads, keyValueHeads, headDim } = size;
  const limits = operandOf([1], "i32");
  const k = operandOf([1, tokens, keyValueHeads, headDim]);
  const of = (queries: number) => operandOf([1, queries, heads, headDim]);
  const each = operandOf([1, tokens, heads]);
  const gradient = [of(tokens), k, k, limits, of(tokens), each, each];
  const pairs = heads * tokens * tokens * headDim;
  const attributes = { causal: true, scale: headDim ** -0.5 };
  const works = [
    ["attention", ATTENTION, [of(tokens), k, k, limits], 2 * pairs],
    ["attention, dq", ATTENTION_QUERY_GRADIENT, gradient, 3 * pairs],
    ["attention, dk and dv", ATTENTION_KEY_VALUE_GRADIENT, gradient, 4 * pairs],
    ["attention, one token", ATTENTION, [of(1), k, k, limits], undefined],
  ] as const;
  return works.map(([name, operation, operands, operations]) => {
    const specs = operands.map(({ dtype, view: { shape } }) => ({
      dtype,
      shape,
    }));
    const parts = operation === ATTENTION_KEY_VALUE_GRADIENT
      ? keyGradientParts(specs, traits)
      : 1;
    const own = { ...attributes, ...(parts > 1 && { parts }) };
    return {
      name,
      sizes: `${
        specs[0]!.shape[1]
      }x${tokens}, ${heads}/${keyValueHeads}x${headDim}`,
      work: {
        ...{ operation, attributes: own, operands },
        ...operation.infer(specs, own),
      },
      ...(operations !== undefined && { operations }),
    };
  });
}
