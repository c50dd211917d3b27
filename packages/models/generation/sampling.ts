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
 * @throws {RangeError} If an option is outside its range.
 */
export function sampleToken(
  logits: Float32Array,
  options: SamplingOptions,
  history: Iterable<number>,
  uniform: () => number,
): SampledToken {
  checkSampling(options);
  const { temperature = 0, repetitionPenalty = 1 } = options;
  const scores = repetitionPenalty === 1
    ? logits
    : penalized(logits, history, repetitionPenalty);
  const id = temperature === 0
    ? argmax(scores)
    : draw(candidates(scores, temperature, options), uniform());
  return { id, logProbability: logits[id]! - logSumExp(logits) };
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
    [temperature >= 0, `temperature ${temperature}: it must be at least 0`],
    [
      Number.isInteger(topK) && topK >= 1,
      `top-k ${topK}: it must be a whole number of at least 1`,
    ],
    [topP > 0 && topP <= 1, `top-p ${topP}: it must be above 0 and at most 1`],
    [minP >= 0 && minP <= 1, `min-p ${minP}: it must be from 0 to 1`],
    [
      repetitionPenalty > 0,
      `repetition penalty ${repetitionPenalty}: it must be above 0`,
    ],
  ] as const;
  for (const [valid, problem] of faults) {
    if (!valid) throw new RangeError(`Cannot sample with ${problem}`);
  }
}

/** A token with its probability among those that are left. */
interface Candidate {
  readonly id: number;
  readonly probability: number;
}

/** Divides positive logits and multiplies negative ones, once a token. */
function penalized(
  logits: Float32Array,
  history: Iterable<number>,
  penalty: number,
): Float32Array {
  const scores = logits.slice();
  for (const id of new Set(history)) {
    const score = scores[id];
    if (score !== undefined) {
      scores[id] = score > 0 ? score / penalty : score * penalty;
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

/** The tokens that the filters leave, likeliest first. */
function candidates(
  scores: Float32Array,
  temperature: number,
  { topK, topP = 1, minP = 0 }: SamplingOptions,
): Candidate[] {
  const order = Array.from(scores.keys())
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, topK);
  const high = scores[order[0]!]!;
  const weights = order.map((id) =>
    Math.exp((scores[id]! - high) / temperature)
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const left: Candidate[] = [];
  let reached = 0;
  for (const [rank, id] of order.entries()) {
    const probability = weights[rank]! / total;
    if (left.length > 0 && (reached >= topP || weights[rank]! < minP)) break;
    left.push({ id, probability });
    reached += probability;
  }
  return left;
}

function draw(candidates: readonly Candidate[], uniform: number): number {
  const total = candidates.reduce(
    (sum, { probability }) => sum + probability,
    0,
  );
  let rest = uniform * total;
  for (const { id, probability } of candidates) {
    rest -= probability;
    if (rest < 0) return id;
  }
  return candidates.at(-1)!.id;
}

function logSumExp(logits: Float32Array): number {
  let high = -Infinity;
  for (const logit of logits) high = Math.max(high, logit);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - high);
  return high + Math.log(total);
}
