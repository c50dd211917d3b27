import type { LoadModelOptions } from "@wick/models";
import type {
  EngineStatistics,
  GenerationEvent,
  GenerationTask,
  ServedModel,
} from "./engine.ts";
import type { GenerationLoopOptions } from "./generation_loop.ts";

/** What an engine is opened with, as plain data. */
export interface EngineOptions extends GenerationLoopOptions {
  /** The folder of the base model. */
  readonly model: string;
  /** What the base model is called. */
  readonly name: string;
  /** The folders of adapters, by name. */
  readonly adapters: Readonly<Record<string, string>>;
  /** The folder of a text encoder, if there is one. */
  readonly embeddingModel?: string;
  /** What computes; the environment says so if absent. */
  readonly device?: "cpu" | "webgpu" | "auto";
  /** How the weights are loaded. */
  readonly load: Omit<LoadModelOptions, "onProgress">;
}

/** What an open engine says of itself. */
export interface OpenedEngine {
  /** What computes, for people. */
  readonly device: string;
  /** The models that tasks may name. */
  readonly models: readonly ServedModel[];
}

/** What the engine's worker is told; `id` names what its answers belong to. */
export type EngineCommand =
  | {
    readonly kind: "open";
    readonly id: number;
    readonly options: EngineOptions;
  }
  | {
    readonly kind: "generate";
    readonly id: number;
    readonly task: GenerationTask;
  }
  | { readonly kind: "cancel"; readonly id: number }
  | {
    readonly kind: "embed";
    readonly id: number;
    readonly texts: readonly string[];
  }
  | {
    readonly kind: "load";
    readonly id: number;
    readonly name: string;
    readonly folder: string;
  }
  | { readonly kind: "unload"; readonly id: number; readonly name: string }
  | { readonly kind: "statistics"; readonly id: number };

/** Vectors of texts. */
export interface EmbeddedTexts {
  /** A vector for each text. */
  readonly vectors: Float32Array[];
  /** The tokens of all texts. */
  readonly tokens: number;
}

/** An error as plain data. */
export interface EngineFailure {
  /** The HTTP status that tells it. */
  readonly status: number;
  /** What cannot be done, and what would do. */
  readonly message: string;
  /** The field of the request that is wrong. */
  readonly param: string | null;
  /** Whether the engine can compute no more. */
  readonly broken: boolean;
}

/** What the engine's worker says. */
export type EngineReply =
  & { readonly id: number }
  & (
    | { readonly kind: "event"; readonly event: GenerationEvent }
    | { readonly kind: "opened"; readonly opened: OpenedEngine }
    | { readonly kind: "embedded"; readonly embedded: EmbeddedTexts }
    | { readonly kind: "models"; readonly models: readonly ServedModel[] }
    | { readonly kind: "statistics"; readonly statistics: EngineStatistics }
    | { readonly kind: "failed"; readonly failure: EngineFailure }
  );
