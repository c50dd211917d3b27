import type { LoraConfig } from "@wick/lora";
import {
  EXCHANGE_DTYPES,
  SCHEDULE_KINDS,
  type TrainerOptions,
} from "@wick/training";
import { type Arguments, present } from "./arguments.ts";
import type { QuantizationSpec } from "@wick/models";
import { quantizationOption } from "./quantize_option.ts";
import { UsageError } from "./usage_error.ts";

/** What is trained. */
export const FINE_TUNE_TYPES = ["lora", "dora", "full"] as const;

/** What `wick train` is told, checked. */
export interface TrainSettings {
  /** The folder of the base model. */
  readonly model: string;
  /** The folder of the data set. */
  readonly data: string;
  /** The folder of the run. */
  readonly output: string;
  /** What is trained. */
  readonly kind: typeof FINE_TUNE_TYPES[number];
  /** How the base is quantized as it is loaded; not at all if absent. */
  readonly quantize: QuantizationSpec | undefined;
  /** An adapter to begin with. */
  readonly adapter: string | undefined;
  /** How many of the last decoder layers are trained; all if absent. */
  readonly lastLayers: number | undefined;
  /** What the adapter is. */
  readonly lora: Partial<LoraConfig>;
  /** How it is trained, but for the steps where epochs are given. */
  readonly trainer: TrainerOptions;
  /** How often each example is seen, where steps are not given. */
  readonly epochs: number | undefined;
  /** Which random numbers. */
  readonly seed: number;
  /** Where examples are cut. */
  readonly maxLength: number | undefined;
  /** Whether short examples share rows. */
  readonly pack: boolean;
  /** Whether prompts count. */
  readonly trainOnPrompt: boolean;
  /** Whether the best adapter is kept rather than the last. */
  readonly best: boolean;
  /** Checkpoints that are kept. */
  readonly keepCheckpoints: number;
  /** Prompts completed for the report, and with how many tokens. */
  readonly samples: { readonly count: number; readonly tokens: number };
  /** Steps between two lines. */
  readonly logEvery: number | undefined;
}

const POSITIVE = { minimum: Number.MIN_VALUE };
const NATURAL = { minimum: 0 };

/**
 * Reads the options of `wick train`.
 *
 * @param args The arguments.
 * @returns What they say.
 * @throws {UsageError} If one is missing or outside its range.
 */
export function trainSettings(args: Arguments): TrainSettings {
  args.refuseOperands();
  const rest = optionalSettings(args);
  return {
    ...rest,
    model: args.required("model"),
    data: args.required("data"),
    output: args.required("output"),
  };
}

/**
 * Reads those that need not be given, to check them where they are.
 *
 * @param args The arguments.
 * @returns What they say.
 * @throws {UsageError} If one is outside its range.
 */
export function optionalSettings(
  args: Arguments,
): Omit<TrainSettings, "model" | "data" | "output"> {
  const kind = args.choice("fine-tune-type", FINE_TUNE_TYPES) ??
    (args.flag("dora") ? "dora" : "lora");
  if (args.flag("dora") && kind !== "dora") {
    throw new UsageError(
      `Cannot take --dora with --fine-tune-type ${kind}: they contradict`,
    );
  }
  const quantize = quantizationOption(args);
  if (quantize && kind === "full") {
    throw new UsageError(
      "Cannot train weights that are quantized: --fine-tune-type lora trains an adapter on them",
    );
  }
  const seed = args.whole("seed", NATURAL) ?? 0;
  const lastLayers = args.whole("num-layers", { minimum: -1 });
  const epochs = args.number("epochs", POSITIVE);
  const patience = args.whole("patience");
  if (epochs !== undefined && args.text("steps") !== undefined) {
    throw new UsageError(
      "Cannot take both --epochs and --steps: each says how long to train",
    );
  }
  return {
    kind,
    quantize,
    adapter: args.filled("adapter"),
    lastLayers: lastLayers === undefined || lastLayers < 0
      ? undefined
      : lastLayers,
    lora: loraOptions(args, kind === "dora"),
    trainer: trainerOptions(args, seed, patience),
    epochs,
    seed,
    maxLength: args.whole("max-length", { minimum: 2 }),
    pack: args.flag("pack"),
    trainOnPrompt: args.flag("train-on-prompt"),
    best: args.flag("best") || patience !== undefined,
    keepCheckpoints: args.whole("keep-checkpoints") ?? 2,
    samples: {
      count: args.whole("samples", NATURAL) ?? 3,
      tokens: args.whole("sample-tokens") ?? 48,
    },
    logEvery: args.whole("log-every"),
  };
}

function loraOptions(args: Arguments, useDora: boolean): Partial<LoraConfig> {
  const list = (name: string): string[] | undefined =>
    args.filled(name)?.split(",").map((part) => part.trim()).filter(Boolean);
  const targets = list("target-modules");
  const rank = args.whole("rank") ?? 8;
  return {
    rank,
    alpha: args.number("alpha") ?? 2 * rank,
    useDora,
    ...present({
      dropout: args.number("dropout", NATURAL),
      init: args.choice("init", ["kaiming", "gaussian", "pissa"]),
      bias: args.choice("bias", ["none", "lora_only", "all"]),
      modulesToSave: list("modules-to-save"),
      useRslora: args.flag("rslora") || undefined,
    }),
    ...(targets && {
      targetModules: targets.length === 1 && targets[0] === "all-linear"
        ? "all-linear"
        : targets,
    }),
  };
}

function trainerOptions(
  args: Arguments,
  seed: number,
  patience: number | undefined,
): TrainerOptions {
  const share = { minimum: 0, maximum: 1 };
  const clip = args.number("max-gradient-norm", NATURAL);
  return {
    seed,
    learningRate: args.number("learning-rate", POSITIVE) ?? 2e-4,
    saveEvery: args.whole("save-every") ?? 100,
    gradientCheckpointing: args.flag("gradient-checkpointing"),
    groupByLength: args.flag("group-by-length"),
    ...present({
      steps: args.whole("steps"),
      batchSize: args.whole("batch-size"),
      gradientAccumulation: args.whole("gradient-accumulation"),
      schedule: args.choice("schedule", SCHEDULE_KINDS),
      warmupSteps: args.whole("warmup-steps", NATURAL),
      minLearningRate: args.number("min-learning-rate", share),
      loraPlusRatio: args.number("lora-plus-ratio", POSITIVE),
      weightDecay: args.number("weight-decay", NATURAL),
      labelSmoothing: args.number("label-smoothing", share),
      maxGradientNorm: clip === 0 ? Infinity : clip,
      evaluateEvery: args.whole("evaluate-every"),
      exchange: args.choice("exchange", EXCHANGE_DTYPES),
      patience,
    }),
  };
}
