import { likeliestWeights, type Weights } from "./likeliest_weights.ts";

/** How the next token is chosen from logits. */
export interface SamplingOptions {
  /** Divides the logits; 0, the default, always takes the likeliest token. */
  readonly temperature?: number;
  /** Keeps that many of the likeliest tokens; all if absent. */
  readonly topK?: number;
  /** Keeps the fewest tokens whose probabilities reach this; all if absent. */
  readonly topP?: number;
  /** Keeps tokens at least this fraction as likely as the likeliest. */
  readonly minP?: number;
  /** Makes tokens that the text has already less likely; 1 is not at all. */
  readonly repetitionPenalty?: number;
}

/** A chosen token. */
export interface SampledToken {
  /** The token. */
  readonly id: number;
  /** The logarithm of its probability under the unaltered logits. */
  readonly logProbability: number;
}

/** A token that may be drawn. */
export interface TokenProbability {
  /** The token. */
  readonly id: number;
  /** How likely it is drawn; those of all candidates make 1. */
  readonly probability: number;
}

/**
 * Chooses a token. The filters run in the order of transformers: repetition
 * penalty, temperature, top-k, top-p, min-p.
 *
 * @example Usage
 * ```ts
 * import { sampleToken } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const token = sampleToken(Float32Array.of(1, 3, 2), {}, [], () => 0.5);
 * assertEquals(token.id, 1);
 * ```
 *
 * @param logits The logits of one position, `[vocabulary]`.
 * @param options How to choose.
 * @param history The tokens so far, for the repetition penalty.
 * @param uniform Gives a number from 0 to less than 1.
 * @returns The token.
 * @throws {RangeError} If an option is outside its range, or no logit is a
 *   finite number.
 */
export function sampleToken(
  logits: Float32Array,
  options: SamplingOptions,
  history: Iterable<number>,
  uniform: () => number,
): SampledToken {
  checkSampling(options);
  const { temperature = 0 } = options;
  const scores = penalized(logits, options, history);
  const id = temperature === 0
    ? argmax(scores)
    : draw(filtered(scores, temperature, options), uniform());
  return { id, logProbability: logits[id]! - logSumExp(logits) };
}

/**
 * Gives the distribution that {@linkcode sampleToken} draws from.
 *
 * @example Usage
 * ```ts
 * import { tokenProbabilities } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = Float32Array.of(1, 3, 3);
 * assertEquals(tokenProbabilities(logits, { temperature: 1, topK: 2 }), [
 *   { id: 1, probability: 0.5 },
 *   { id: 2, probability: 0.5 },
 * ]);
 * ```
 *
 * @param logits The logits of one position, `[vocabulary]`.
 * @param options How to choose.
 * @param history The tokens so far, for the repetition penalty.
 * @returns What may be drawn, the likeliest first; tokens that cannot be drawn
 *   are left out.
 * @throws {RangeError} As {@linkcode sampleToken} does.
 */
export function tokenProbabilities(
  logits: Float32Array,
  options: SamplingOptions,
  history: Iterable<number> = [],
): TokenProbability[] {
  checkSampling(options);
  const { temperature = 0 } = options;
  const scores = penalized(logits, options, history);
  if (temperature === 0) return [{ id: argmax(scores), probability: 1 }];
  const { ids, weights, count } = filtered(scores, temperature, options);
  const total = sum(weights, count);
  return Array.from({ length: count }, (_, rank) => ({
    id: ids[rank]!,
    probability: weights[rank]! / total,
  }))
    .filter(({ probability }) => probability > 0)
    .sort((a, b) => b.probability - a.probability || a.id - b.id);
}

/**
 * Fails if an option is outside its range.
 *
 * @param options The options.
 * @throws {RangeError} With the option, its value and its range.
 */
export function checkSampling(options: SamplingOptions): void {
  const { temperature = 0, topK = 1, topP = 1, minP = 0 } = options;
  const { repetitionPenalty = 1 } = options;
  const faults = [
    [
      temperature >= 0 && temperature < Infinity,
      `temperature ${temperature}: it must be at least 0`,
    ],
    [
      Number.isInteger(topK) && topK >= 1,
      `top-k ${topK}: it must be a whole number of at least 1`,
    ],
    [topP > 0 && topP <= 1, `top-p ${topP}: it must be above 0 and at most 1`],
    [minP >= 0 && minP <= 1, `min-p ${minP}: it must be from 0 to 1`],
    [
      repetitionPenalty > 0 && repetitionPenalty < Infinity,
      `repetition penalty ${repetitionPenalty}: it must be above 0`,
    ],
  ] as const;
  for (const [valid, problem] of faults) {
    if (!valid) throw new RangeError(`Cannot sample with ${problem}`);
  }
}

/** Divides positive logits and multiplies negative ones, once a token. */
function penalized(
  logits: Float32Array,
  { repetitionPenalty = 1 }: SamplingOptions,
  history: Iterable<number>,
): Float32Array {
  if (repetitionPenalty === 1) return logits;
  const scores = logits.slice();
  for (const id of new Set(history)) {
    const score = scores[id];
    if (score !== undefined) {
      scores[id] = score > 0
        ? score / repetitionPenalty
        : score * repetitionPenalty;
    }
  }
  return scores;
}

function argmax(scores: Float32Array): number {
  let best = 0;
  for (let id = 1; id < scores.length; id++) {
    if (scores[id]! > scores[best]!) best = id;
  }
  return best;
}

/** The tokens that the filters leave. */
function filtered(
  scores: Float32Array,
  temperature: number,
  options: SamplingOptions,
): Weights {
  const { topP = 1, minP = 0 } = options;
  const topK = (options.topK ?? Infinity) < scores.length
    ? options.topK!
    : Infinity;
  const found = likeliestWeights(scores, temperature, { topK, topP, minP });
  if (!found.sorted) return found;
  const { ids, weights } = found;
  const kept = Math.min(found.count, topK);
  const enough = topP *
    (topK < Infinity ? sum(weights, kept) : found.total);
  let [count, reached] = [0, 0];
  while (
    count < kept &&
    (count === 0 || (reached < enough && weights[count]! >= minP))
  ) reached += weights[count++]!;
  return { ...found, ids, weights, count };
}

function draw({ ids, weights, count }: Weights, uniform: number): number {
  let rest = uniform * sum(weights, count);
  for (let rank = 0; rank < count; rank++) {
    rest -= weights[rank]!;
    if (rest < 0) return ids[rank]!;
  }
  // Rounding left something over: the last one that can be drawn.
  let last = count - 1;
  while (last > 0 && weights[last] === 0) last--;
  return ids[last]!;
}

function sum(weights: Float64Array, count: number): number {
  let total = 0;
  for (let rank = 0; rank < count; rank++) total += weights[rank]!;
  return total;
}

function logSumExp(logits: Float32Array): number {
  // By index: over a large vocabulary an iterator takes 1.7 times as long.
  let high = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    high = Math.max(high, logits[id]!);
  }
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    total += Math.exp(logits[id]! - high);
  }
  return high + Math.log(total);
}
