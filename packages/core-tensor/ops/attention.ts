import type { Operation } from "../operation.ts";
import { sameShape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import {
  attentionAccepts,
  attentionCall,
  type AttentionKernel,
} from "./attention_call.ts";
import { ATTENTION_KEY_VALUE_GRADIENT } from "./attention_key_value_gradient.ts";
import { ATTENTION_QUERY_GRADIENT } from "./attention_query_gradient.ts";
import {
  type AttentionAttributes,
  attentionRows,
  attentionSizes,
  logSumExp,
} from "./attention_rows.ts";
import { attentionStatistics } from "./attention_statistics.ts";
import { cast } from "./cast.ts";
import { concat } from "./concat.ts";
import { full } from "./full.ts";
import { mul } from "./mul.ts";
import { pad } from "./pad.ts";
import { reshape } from "./reshape.ts";
import { slice } from "./slice.ts";
import { sum } from "./sum.ts";

const KERNEL: AttentionKernel = {
  kernel: "attention",
  split: "attention_split",
  vectors: ["q", "k", "v", undefined],
  keepsKeys: false,
  kept: 2,
  shared: 1,
};

/** The operation that {@linkcode attention} records. */
export const ATTENTION: Operation<AttentionAttributes> = {
  name: "attention",
  infer: (inputs) => {
    attentionSizes(inputs);
    return { shape: inputs[0]!.shape, dtype: "f32" };
  },
  reference: ([q, k, v, limits], { inputs, attributes }) => {
    const sizes = attentionSizes(inputs);
    const out = new Float64Array(q!.length);
    for (
      const { query, keys, scores } of attentionRows(
        ...[q!, k!, limits!, sizes, attributes] as const,
      )
    ) {
      const total = logSumExp(scores);
      keys.forEach((start, i) => {
        const share = Math.exp(scores[i]! - total);
        for (let d = 0; d < sizes.headDim; d++) {
          out[query + d]! += share * v![start + d]!;
        }
      });
    }
    return out;
  },
  gradient: (dy, { inputs, attributes, output }) => {
    const [q, k, v, limits] = inputs;
    // Recorded once for whichever gradients are wanted.
    let shared: readonly Tensor[] | undefined;
    const operands = (): readonly Tensor[] =>
      shared ??= [
        ...[q!, k!, v!, limits!, dy],
        attentionStatistics(q!, k!, limits!, attributes),
        sum(mul(dy, output), -1),
      ];
    let both: Tensor | undefined;
    const keyOrValue = (index: number): Tensor => {
      both ??= record(ATTENTION_KEY_VALUE_GRADIENT, operands(), attributes);
      const start = both.shape.map((_, axis) => axis === 0 ? index : 0);
      const end = both.shape.with(0, index + 1);
      return reshape(slice(both, start, end), k!.shape);
    };
    return [
      () => record(ATTENTION_QUERY_GRADIENT, operands(), attributes),
      () => keyOrValue(0),
      () => keyOrValue(1),
      undefined,
    ];
  },
  besides: "attention",
  kernel: (request) => attentionCall(KERNEL, request),
  accepts: (index, operand) => attentionAccepts(KERNEL.vectors[index], operand),
};

/** Options of {@linkcode attention}. */
export interface AttentionOptions {
  /** Whether a query sees no keys after its own; false if absent. */
  readonly causal?: boolean;
  /** What scores are multiplied by; `1 / √headDim` if absent. */
  readonly scale?: number;
  /**
   * The position of the first query of each row among the keys, `[batch]` of
   * `i32`, for causal attention: query `j` sees keys up to `positions[row] + j`.
   * If absent the last query sees all keys.
   */
  readonly positions?: Tensor;
  /**
   * The keys of each row, `[batch]` of `i32`, for attention that is not causal:
   * keys from there on are not seen. All are if absent.
   */
  readonly lengths?: Tensor;
  /**
   * The first key that each query sees, `[batch, queries]` of `i32`, which must
   * not get less from a query to the next: 0 if absent. With it examples that
   * share a row do not see each other, and a window can slide.
   */
  readonly starts?: Tensor;
  /**
   * How many keys a query of causal attention sees at most, the one at its own
   * position the last; all if absent.
   */
  readonly window?: number;
}

/**
 * Lets queries attend to keys: the mean of the values, weighted by the softmax
 * of the products of query and keys. A query that sees no key gives zeros.
 * Keys and values may be a cache that is longer than what is seen: nothing
 * beyond is read.
 *
 * @example Usage
 * ```ts
 * import { attention } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const shape = [1, 2, 1, 2]; // two tokens, one head of two features
 * const q = device.tensor([0, 0, 0, 0], { shape });
 * const k = device.tensor([1, 0, 0, 1], { shape });
 * const v = device.tensor([1, 2, 3, 4], { shape });
 * assertClose(await attention(q, k, v, { causal: true }).data(), [1, 2, 2, 3]);
 * ```
 *
 * @param q The queries, `[batch, queries, heads, headDim]`, of floats.
 * @param k The keys, `[batch, keys, kvHeads, headDim]`, of floats: each of its
 *   heads serves `heads / kvHeads` following heads of queries.
 * @param v The values, of the shape of `k`.
 * @param options Mask and scale.
 * @returns The weighted means, of the shape of `q`.
 * @throws {RangeError} If a shape does not fit, or if positions or a window are
 *   given without `causal`, or lengths with it.
 * @throws {TypeError} If a type does not fit.
 * @see {@link https://arxiv.org/abs/2205.14135 | FlashAttention}
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const { causal = false, positions, lengths, window } = options;
  if (window !== undefined && !(causal && window >= 1 && window % 1 === 0)) {
    throw new RangeError(
      `Cannot attend with a window of ${window} keys: it must be a whole number of at least 1, and the attention causal`,
    );
  }
  if (causal ? lengths : positions) {
    throw new RangeError(
      causal
        ? "Cannot mask causal attention by lengths: give the positions of its queries"
        : "Cannot place the queries of attention that is not causal: give the lengths of its keys",
    );
  }
  const headDim = q.shape.at(-1) ?? 1;
  const { scale = 1 / Math.sqrt(headDim) } = options;
  const [batch, queries] = q.shape;
  const keys = k.shape[1] ?? 0;
  const plain = positions ?? lengths ??
    full([batch ?? 1], causal ? keys - (queries ?? 0) : keys, "i32");
  const limits = options.starts ? withStarts(plain, options.starts, q) : plain;
  // Kernels read four features at a time; zeros change no product.
  const rest = [0, 0, 0, (4 - headDim % 4) % 4];
  const four = (x: Tensor): Tensor =>
    rest[3] === 0 || x.shape.length !== 4 ? x : pad(x, [0, 0, 0, 0], rest);
  const y = record(
    ATTENTION,
    [four(cast(q, "f32")), four(k), four(v), limits],
    { causal, scale, ...(window !== undefined && { window }) },
  );
  return slice(y, [0, 0, 0, 0], q.shape);
}

/** Puts the first key of each query behind the limit of its row. */
function withStarts(limits: Tensor, starts: Tensor, q: Tensor): Tensor {
  const [batch, queries] = q.shape;
  if (starts.dtype !== "i32" || !sameShape(starts.shape, [batch!, queries!])) {
    throw new RangeError(
      `Cannot attend with first keys of ${starts.dtype} [${starts.shape}]: there must be an i32 for each query of [${q.shape}]`,
    );
  }
  return concat([reshape(limits, [batch!, 1]), starts], 1);
}
