import { checkSampling, type SamplingOptions } from "./sampling.ts";
import { uniformSource } from "./uniform_source.ts";

/** How one sequence of a {@linkcode DecodeBatch} is continued. */
export interface RowOptions extends SamplingOptions {
  /** New tokens at most; 128 if absent. */
  readonly maxNewTokens?: number;
  /** Tokens that end the sequence; those of the model if absent. */
  readonly stopTokenIds?: readonly number[];
  /** Which random choices are made; 0 if absent. */
  readonly seed?: number;
  /** Which of the seed's streams of random choices; 0 if absent. */
  readonly stream?: number;
  /** Whether probabilities are computed when nothing is drawn. */
  readonly logProbabilities?: boolean;
  /** The name of its adapter in the model's `rowAdapters`; none if absent. */
  readonly adapter?: string | null;
}

/** What a row needs of the device to get its next token. */
export type RowNeed = "id" | "likeliest" | "logits";

/** A sequence that is being continued. */
export class BatchRow {
  /** The tokens so far: those of the prompt, then the new ones. */
  readonly history: number[];
  /** How it is continued. */
  readonly options: RowOptions;
  /** The tokens that end it. */
  readonly stops: ReadonlySet<number>;
  /** The tokens that it may have in all. */
  readonly limit: number;
  /** The tokens whose keys and values are in the cache. */
  cached = 0;
  /** Gives the random choices. */
  readonly uniform: () => number;
  readonly #promptLength: number;

  /**
   * Begins a sequence.
   *
   * @param prompt Its tokens.
   * @param options How it is continued.
   * @param fallbacks The tokens that end it if the options name none, and the
   *   tokens that it can have.
   * @throws {RangeError} If an option is outside its range.
   */
  constructor(
    prompt: readonly number[],
    options: RowOptions,
    fallbacks: {
      readonly stopTokenIds: readonly number[];
      readonly capacity: number;
    },
  ) {
    checkSampling(options);
    const { maxNewTokens = 128, seed = 0, stream = 0 } = options;
    if (!(maxNewTokens >= 1)) {
      throw new RangeError(
        `Cannot continue by ${maxNewTokens} tokens: it must be at least 1`,
      );
    }
    this.history = [...prompt];
    this.options = options;
    this.stops = new Set(options.stopTokenIds ?? fallbacks.stopTokenIds);
    this.limit = Math.min(prompt.length + maxNewTokens, fallbacks.capacity);
    this.uniform = uniformSource(seed, stream);
    this.#promptLength = prompt.length;
  }

  /** The tokens of the prompt that have not been run. */
  get remaining(): readonly number[] {
    return this.history.slice(this.cached, this.#promptLength);
  }

  /** Whether the prompt has been run, so that tokens come one by one. */
  get decoding(): boolean {
    return this.history.length > this.#promptLength;
  }

  /** What it needs of the device. */
  get need(): RowNeed {
    const { temperature = 0, repetitionPenalty = 1 } = this.options;
    if (temperature !== 0 || repetitionPenalty !== 1) return "logits";
    return this.options.logProbabilities ? "likeliest" : "id";
  }
}
