import type { ChatMessage, SamplingOptions } from "@wick/models";

/** What is to be continued. */
export type TaskPrompt =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "tokens"; readonly ids: readonly number[] }
  | {
    readonly kind: "chat";
    readonly messages: readonly ChatMessage[];
    readonly tools: readonly unknown[] | undefined;
  };

/** A text to be made, as plain data. */
export interface GenerationTask {
  /** The name of the base model or of an adapter. */
  readonly model: string;
  /** What is continued. */
  readonly prompt: TaskPrompt;
  /** Tokens at most; as many as there are positions if absent. */
  readonly maxNewTokens?: number;
  /** How tokens are chosen. */
  readonly sampling: SamplingOptions;
  /** Which random choices. */
  readonly seed: number;
  /** Texts that end it and are not part of it. */
  readonly stop: readonly string[];
  /** Whether the probabilities of its tokens are wanted. */
  readonly logProbabilities: boolean;
}

/** Why a text ended: it came to its end, or to the limit of tokens. */
export type FinishReason = "stop" | "length";

/** What happens while a text is made. */
export type GenerationEvent =
  | { readonly kind: "start"; readonly promptTokens: number }
  | {
    readonly kind: "piece";
    readonly id: number;
    readonly text: string;
    /** NaN where it is not wanted. */
    readonly logProbability: number;
  }
  | {
    readonly kind: "end";
    readonly reason: FinishReason;
    readonly completionTokens: number;
  };

/** A model that requests may name. */
export interface ServedModel {
  /** Its name. */
  readonly name: string;
  /** What it does. */
  readonly kind: "base" | "adapter" | "embedding";
}

/** Numbers that go up or down while the server runs. */
export interface EngineStatistics {
  /** Texts that are being made. */
  readonly running: number;
  /** Texts that wait for a place. */
  readonly waiting: number;
  /** Steps of decoding so far. */
  readonly steps: number;
  /** Tokens made so far. */
  readonly tokens: number;
  /** Bytes on the device. */
  readonly deviceBytes: number;
}

/** What computes behind the server. */
export interface Engine extends AsyncDisposable {
  /** The models that requests may name; the base model first. */
  models(): readonly ServedModel[];
  /**
   * Makes a text. Leaving the iteration, or the signal, frees its place.
   *
   * @throws {ApiError} If the task cannot be done, or there is no place for it.
   */
  generate(
    task: GenerationTask,
    signal: AbortSignal,
  ): AsyncIterable<GenerationEvent>;
  /**
   * Gives the vectors of texts, each of length 1.
   *
   * @throws {ApiError} If no embedding model is served.
   */
  embed(
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<
    { readonly vectors: Float32Array[]; readonly tokens: number }
  >;
  /** Loads an adapter under a name. */
  load(name: string, folder: string): Promise<void>;
  /** Forgets an adapter, once no text that uses it is being made. */
  unload(name: string): Promise<void>;
  /** Gives numbers about what it does. */
  statistics(): Promise<EngineStatistics>;
  /** Settles when it can compute no more, with the reason. */
  readonly broken: Promise<Error>;
}
