import { DTYPES } from "../dtype.ts";
import type { NodeOf, TensorSpec } from "../operation.ts";
import { sameShape } from "../shape.ts";

/** The options of attention and its gradients, as they are recorded. */
export interface AttentionAttributes {
  /** Whether a query sees no keys after its own. */
  readonly causal: boolean;
  /** What scores are multiplied by. */
  readonly scale: number;
  /** Keys that a query sees, its own the last; all if absent. */
  readonly window?: number;
  /** Parts of the heads that share keys, whose gradients are apart; 1 if absent. */
  readonly parts?: number;
}

/** The sizes of an attention. */
export interface AttentionSizes {
  /** Rows of the batch. */
  readonly batch: number;
  /** Queries of each. */
  readonly queries: number;
  /** Keys of each. */
  readonly keys: number;
  /** Heads of queries. */
  readonly heads: number;
  /** Heads of keys and values. */
  readonly kvHeads: number;
  /** Features of a head. */
  readonly headDim: number;
  /** Whether the limits tell each query's first key, too. */
  readonly starts: boolean;
}

/**
 * Reads the sizes of an attention off its operands, and checks that they fit.
 *
 * @param inputs Queries, keys, values (or keys again), limits.
 * @returns The sizes.
 * @throws {RangeError} If a shape does not fit.
 * @throws {TypeError} If a type does not fit.
 */
export function attentionSizes(inputs: readonly TensorSpec[]): AttentionSizes {
  const [q, k, v, limits] = inputs;
  for (const { shape, dtype } of [q!, k!, v!]) {
    if (!DTYPES[dtype].float) {
      throw new TypeError(`Cannot attend with ${dtype}: cast it to f32 first`);
    }
    if (shape.length !== 4) {
      throw new RangeError(
        `Cannot attend with [${shape}]: it must be [batch, length, heads, headDim]`,
      );
    }
  }
  const [batch, queries, heads, headDim] = q!.shape;
  const [, keys, kvHeads] = k!.shape;
  if (
    !sameShape(k!.shape, v!.shape) ||
    !sameShape(k!.shape, [batch!, keys!, kvHeads!, headDim!])
  ) {
    throw new RangeError(
      `Cannot attend from [${q!.shape}] to keys of [${
        k!.shape
      }] and values of [${v!.shape}]: batch and headDim must be equal`,
    );
  }
  if (heads! % kvHeads! !== 0) {
    throw new RangeError(
      `Cannot attend with ${heads} heads to ${kvHeads}: the first must be a multiple of the second`,
    );
  }
  if (limits!.dtype !== "i32") {
    throw new TypeError(
      `Cannot attend with positions or lengths of ${
        limits!.dtype
      }: they must be i32`,
    );
  }
  const starts = sameShape(limits!.shape, [batch!, 1 + queries!]);
  if (!starts && !sameShape(limits!.shape, [batch!])) {
    throw new RangeError(
      `Cannot attend with positions or lengths of [${
        limits!.shape
      }]: there must be one for each of ${batch} rows`,
    );
  }
  return {
    batch: batch!,
    queries: queries!,
    keys: keys!,
    heads: heads!,
    kvHeads: kvHeads!,
    headDim: headDim!,
    starts,
  };
}

/** A query of one head, and what it sees, as references walk over them. */
export interface AttentionRow {
  /** The number of the row, `[batch, queries, heads]`. */
  readonly row: number;
  /** Where its features start in the queries. */
  readonly query: number;
  /** Where the features of each key it sees start in the keys. */
  readonly keys: readonly number[];
  /** The score of each. */
  readonly scores: Float64Array;
}

/**
 * Walks over the queries of all heads in `float64`.
 *
 * @param q The queries.
 * @param k The keys.
 * @param limits The limit of each batch row.
 * @param sizes The sizes.
 * @param attributes The options.
 * @returns Each row in order.
 */
export function* attentionRows(
  q: Float64Array,
  k: Float64Array,
  limits: Float64Array,
  sizes: AttentionSizes,
  { causal, scale, window = Infinity }: AttentionAttributes,
): Generator<AttentionRow> {
  const { batch, queries, keys, heads, kvHeads, headDim, starts } = sizes;
  const group = heads / kvHeads;
  const perRow = starts ? 1 + queries : 1;
  for (let row = 0; row < batch * queries * heads; row++) {
    const b = Math.floor(row / (queries * heads));
    const query = row * headDim;
    const place = Math.floor(row / heads) % queries;
    const last = limits[b * perRow]! + (causal ? place + 1 : 0);
    const start = starts ? limits[b * perRow + 1 + place]! : 0;
    const first = Math.max(0, start, last - window);
    const length = Math.max(0, Math.min(keys, last) - first);
    const head = Math.floor(row % heads / group);
    const seen = Array.from(
      { length },
      (_, i) => ((b * keys + first + i) * kvHeads + head) * headDim,
    );
    const scores = Float64Array.from(seen, (start) => {
      let score = 0;
      for (let d = 0; d < headDim; d++) score += q[query + d]! * k[start + d]!;
      return score * scale;
    });
    yield { row, query, keys: seen, scores };
  }
}

/**
 * Gives the logarithm of the sum of exponentials.
 *
 * @param scores The exponents.
 * @returns The logarithm; 0 if there are none.
 */
export function logSumExp(scores: Float64Array): number {
  if (scores.length === 0) return 0;
  const peak = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = scores.reduce((total, s) => total + Math.exp(s - peak), 0);
  return peak + Math.log(sum);
}

/**
 * Computes the gradients of attention in `float64`.
 *
 * @param inputs Queries, keys, values, limits, gradient of the result,
 *   statistics, delta.
 * @param node The recorded gradient.
 * @returns The gradients for queries, keys and values, those of keys and values
 *   for each part of the heads that share them.
 */
export function attentionGradients(
  inputs: readonly Float64Array[],
  node: NodeOf<AttentionAttributes>,
): readonly [Float64Array, Float64Array, Float64Array] {
  const [q, k, v, limits, dy, statistics, delta] = inputs;
  const { attributes } = node;
  const sizes = attentionSizes(node.inputs);
  const { heads, kvHeads, headDim } = sizes;
  const { parts = 1 } = attributes;
  const headsOfPart = heads / kvHeads / parts;
  const dq = new Float64Array(q!.length);
  const [dk, dv] = [k!, v!].map(({ length }) =>
    new Float64Array(length * parts)
  );
  for (
    const { row, query, keys, scores } of attentionRows(
      ...[q!, k!, limits!, sizes, attributes] as const,
    )
  ) {
    const part = Math.floor(row / headsOfPart) % parts;
    keys.forEach((start, i) => {
      const own = start * parts + part * headDim;
      const share = Math.exp(scores[i]! - statistics![row]!);
      let slope = 0;
      for (let d = 0; d < headDim; d++) {
        slope += dy![query + d]! * v![start + d]!;
      }
      slope = share * (slope - delta![row]!) * attributes.scale;
      for (let d = 0; d < headDim; d++) {
        dq[query + d]! += slope * k![start + d]!;
        dk![own + d]! += slope * q![query + d]!;
        dv![own + d]! += share * dy![query + d]!;
      }
    });
  }
  return [dq, dk!, dv!];
}
