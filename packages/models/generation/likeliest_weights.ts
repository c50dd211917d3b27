/** Tokens and what each counts for in a draw. */
export interface Weights {
  /** The tokens. */
  readonly ids: Int32Array;
  /** `e^((score - highest) / temperature)` of each, so the greatest is 1. */
  readonly weights: Float64Array;
  /** How many of them may be drawn, from the first on. */
  readonly count: number;
  /** The weights of all tokens of the vocabulary together. */
  readonly total: number;
  /** Whether the likeliest comes first; else they stand as in the vocabulary. */
  readonly sorted: boolean;
}

/** What a filter will ask of the likeliest tokens. */
export interface LikeliestOptions {
  /** It looks at that many of them at most; maybe infinite. */
  readonly topK: number;
  /** It looks at them until they have this share of all weights. */
  readonly topP: number;
  /** It looks at those of at least this weight. */
  readonly minP: number;
}

// How far below the highest the first search goes, in units of temperature, and
// how many times farther each next one does.
const SPAN = 4;
const WIDER = 4;

/**
 * Gives the likeliest tokens in order, as far as filters need them: sorting a
 * vocabulary of 150 000 tokens would take longer than running a small model.
 * Tokens are sorted from a score on, and if those do not satisfy one of the
 * filters, from a lower one on.
 *
 * @param scores The scores, `[vocabulary]`.
 * @param temperature What they are divided by, above 0.
 * @param options What is needed.
 * @returns At least what the filters leave; in the order of the vocabulary if
 *   there is no filter.
 * @throws {RangeError} If no score is a finite number.
 */
export function likeliestWeights(
  scores: Float32Array,
  temperature: number,
  { topK, topP, minP }: LikeliestOptions,
): Weights {
  let high = -Infinity;
  for (const score of scores) if (score > high) high = score;
  if (!Number.isFinite(high)) {
    throw new RangeError(
      `Cannot sample from logits of which the highest is ${high}: none is a finite number`,
    );
  }
  const all = new Float64Array(scores.length);
  let total = 0;
  for (let id = 0; id < all.length; id++) {
    const score = scores[id]!;
    // A NaN is never drawn.
    const weight = score <= high ? Math.exp((score - high) / temperature) : 0;
    all[id] = weight;
    total += weight;
  }
  if (topK >= all.length && topP === 1 && minP === 0) {
    const ids = Int32Array.from(all.keys());
    return { ids, weights: all, count: all.length, total, sorted: false };
  }
  for (let span = SPAN;; span *= WIDER) {
    const least = Math.exp(-span);
    let [count, reached] = [0, 0];
    for (const weight of all) {
      if (weight < least) continue;
      count++;
      reached += weight;
    }
    const enough = topK < all.length
      ? count >= topK || (topP === 1 && least <= minP)
      : reached >= topP * total || least <= minP;
    if (!enough && count < all.length) continue;
    const ids = new Int32Array(count);
    let next = 0;
    for (let id = 0; id < all.length; id++) {
      if (all[id]! >= least) ids[next++] = id;
    }
    ids.sort((a, b) => all[b]! - all[a]! || a - b);
    const weights = Float64Array.from(ids, (id) => all[id]!);
    return { ids, weights, count, total, sorted: true };
  }
}
