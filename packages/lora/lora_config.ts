/** What a LoRA adapter is, in the terms of PEFT's `LoraConfig`. */
export interface LoraConfig {
  /** The inner size of A and B. */
  readonly rank: number;
  /** The numerator of the scaling: `alpha / rank`, or `alpha / √rank`. */
  readonly alpha: number;
  /** The fraction of inputs that is dropped before A while training. */
  readonly dropout: number;
  /**
   * Which linear layers: paths or their last parts; a regular expression that
   * the whole path must match; or `"all-linear"`, all but the output head.
   */
  readonly targetModules: readonly string[] | string;
  /** Linear layers that are left out, in the same terms. */
  readonly excludeModules?: readonly string[] | string;
  /** The numbers of the decoder layers that are adapted; all if absent. */
  readonly layersToTransform?: readonly number[];
  /** The name of the list of layers in a path; any if absent. */
  readonly layersPattern?: readonly string[] | string;
  /** Other ranks, by a pattern that the end of a path must match. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** Other alphas, by a pattern that the end of a path must match. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Whether the scaling divides by the root of the rank (rsLoRA). */
  readonly useRslora?: boolean;
  /** Whether the length of each row of the weight is trained too (DoRA). */
  readonly useDora?: boolean;
  /** How A and B begin; `"kaiming"` if absent. */
  readonly init?: LoraInit;
  /** Which biases of the model are trained too; `"none"` if absent. */
  readonly bias?: LoraBias;
  /** Whether each B has a bias of its own, scaled as B is. */
  readonly loraBias?: boolean;
  /**
   * Modules of which all weights are trained, such as `lm_head`, `embed_tokens`
   * or `norm`: ends of their paths.
   */
  readonly modulesToSave?: readonly string[];
}

/**
 * How A and B begin: `"kaiming"` as PEFT does by default, A uniform within
 * ±1/√in and B zero; `"gaussian"` as it does when asked, A normal with a
 * deviation of 1/rank; `"pissa"` with the largest singular values of the weight,
 * which the base then lacks (see {@linkcode LoraAdapter.create}).
 */
export type LoraInit = "kaiming" | "gaussian" | "pissa";

/**
 * Which biases are trained: none, those of the adapted layers, or all of the
 * model.
 */
export type LoraBias = "none" | "lora_only" | "all";

/** What one layer of an adapter is. */
export interface LoraLayerConfig {
  /** The inner size. */
  readonly rank: number;
  /** What `x·A·B` is multiplied by. */
  readonly scaling: number;
  /** The fraction of inputs that is dropped while training. */
  readonly dropout: number;
}

/** The defaults of PEFT where it has them: rank 8, alpha 8, no dropout. */
const DEFAULTS: LoraConfig = {
  rank: 8,
  alpha: 8,
  dropout: 0,
  targetModules: "all-linear",
};

/**
 * Completes and checks a configuration.
 *
 * @example Usage
 * ```ts
 * import { loraConfig } from "@wick/lora";
 * import { assertEquals } from "@std/assert";
 *
 * const config = loraConfig({ rank: 16, alpha: 32 });
 * assertEquals(config.targetModules, "all-linear");
 * ```
 *
 * @param options What differs from PEFT's defaults.
 * @returns The configuration.
 * @throws {RangeError} If a number is outside its range.
 */
export function loraConfig(options: Partial<LoraConfig> = {}): LoraConfig {
  const config = { ...DEFAULTS, ...options };
  for (
    const rank of [config.rank, ...Object.values(config.rankPattern ?? {})]
  ) {
    if (!Number.isInteger(rank) || rank < 1) {
      throw new RangeError(
        `Cannot adapt with rank ${rank}: it must be a whole number of at least 1`,
      );
    }
  }
  for (
    const alpha of [config.alpha, ...Object.values(config.alphaPattern ?? {})]
  ) {
    if (!Number.isFinite(alpha)) {
      throw new RangeError(
        `Cannot adapt with alpha ${alpha}: it must be finite`,
      );
    }
  }
  if (!(config.dropout >= 0 && config.dropout < 1)) {
    throw new RangeError(
      `Cannot adapt with dropout ${config.dropout}: it must be from 0 to less than 1`,
    );
  }
  if (config.useDora && (config.loraBias || config.init === "pissa")) {
    throw new RangeError(
      `Cannot adapt with DoRA and ${
        config.loraBias ? "a bias of B" : "PiSSA"
      }: use one of them`,
    );
  }
  return config;
}

/**
 * Gives what one layer of an adapter is, by the patterns of the configuration.
 *
 * @example Usage
 * ```ts
 * import { layerConfig, loraConfig } from "@wick/lora";
 * import { assertEquals } from "@std/assert";
 *
 * const config = loraConfig({ rankPattern: { up_proj: 4 }, alpha: 16 });
 * assertEquals(layerConfig(config, "model.layers.0.mlp.up_proj").scaling, 4);
 * ```
 *
 * @param config The configuration.
 * @param path The path of the linear layer.
 * @returns Its rank, scaling and dropout.
 */
export function layerConfig(config: LoraConfig, path: string): LoraLayerConfig {
  const rank = byPattern(config.rankPattern, path) ?? config.rank;
  const alpha = byPattern(config.alphaPattern, path) ?? config.alpha;
  return {
    rank,
    scaling: alpha / (config.useRslora ? Math.sqrt(rank) : rank),
    dropout: config.dropout,
  };
}

function byPattern(
  patterns: Readonly<Record<string, number>> = {},
  path: string,
): number | undefined {
  const key = Object.keys(patterns).find((pattern) =>
    new RegExp(`^(.*\\.)?(${pattern})$`).test(path)
  );
  return key === undefined ? undefined : patterns[key];
}
