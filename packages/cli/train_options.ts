import type { LoraConfig } from "@wick/lora";
import { SCHEDULE_KINDS, type TrainerOptions } from "@wick/training";
import { type Arguments, present } from "./arguments.ts";
import type { Option } from "./option.ts";
import { QUANTIZE_OPTIONS } from "./quantize_option.ts";

/** The options of `wick train`. */
export const TRAIN_OPTIONS: readonly Option[] = [
  { name: "model", value: "DIR", text: "the base model; needed" },
  {
    name: "data",
    value: "DIR",
    text: "train.jsonl and, if there, valid.jsonl; needed",
  },
  { name: "output", value: "DIR", text: "where the adapter goes; needed" },
  { name: "rank", value: "N", text: "inner size of the adapter; 8" },
  {
    name: "alpha",
    value: "X",
    text: "its scaling times the rank; twice the rank",
  },
  { name: "dropout", value: "X", text: "fraction of inputs dropped; 0" },
  {
    name: "target-modules",
    value: "NAMES",
    text: "layers, by comma, or all-linear; all-linear",
  },
  { name: "dora", text: "also trains the length of each weight row" },
  {
    name: "init",
    value: "kaiming|gaussian",
    text: "how the inner matrix is drawn; kaiming",
  },
  { name: "steps", value: "N", text: "updates in all; 100" },
  { name: "batch-size", value: "N", text: "examples run at once; 8" },
  {
    name: "gradient-accumulation",
    value: "N",
    text: "batches of an update; 1",
  },
  { name: "learning-rate", value: "X", text: "the highest; 2e-4" },
  {
    name: "schedule",
    value: "constant|linear|cosine",
    text: "how it goes on after the warm-up; linear",
  },
  { name: "warmup-steps", value: "N", text: "updates in which it rises; 0" },
  { name: "weight-decay", value: "X", text: "of AdamW; 0" },
  {
    name: "max-gradient-norm",
    value: "X",
    text: "where gradients are clipped, 0 for nowhere; 1",
  },
  { name: "seed", value: "N", text: "of weights, order and dropout; 0" },
  {
    name: "max-length",
    value: "N",
    text: "tokens after which examples are cut; the model's positions",
  },
  {
    name: "evaluate-every",
    value: "N",
    text: "updates between validation losses; only at the end",
  },
  {
    name: "log-every",
    value: "N",
    text: "updates between lines where there is no terminal",
  },
  ...QUANTIZE_OPTIONS,
];

/** What `wick train` is told, checked. */
export interface TrainSettings {
  /** The folder of the base model. */
  readonly model: string;
  /** The folder of the data set. */
  readonly data: string;
  /** The folder of the adapter. */
  readonly output: string;
  /** What the adapter is. */
  readonly lora: Partial<LoraConfig>;
  /** How it is trained. */
  readonly trainer: TrainerOptions;
  /** Which random numbers. */
  readonly seed: number;
  /** Where examples are cut. */
  readonly maxLength: number | undefined;
  /** Steps between two lines. */
  readonly logEvery: number | undefined;
}

/**
 * Reads the options of `wick train`.
 *
 * @param args The arguments.
 * @returns What they say.
 * @throws {UsageError} If one is missing or outside its range.
 */
export function trainSettings(args: Arguments): TrainSettings {
  args.refuseOperands();
  const targets = args.filled("target-modules")?.split(",")
    .map((name) => name.trim()).filter(Boolean);
  const positive = { minimum: Number.MIN_VALUE };
  const rank = args.whole("rank") ?? 8;
  const clip = args.number("max-gradient-norm", { minimum: 0 });
  const seed = args.whole("seed", { minimum: 0 }) ?? 0;
  return {
    lora: {
      rank,
      alpha: args.number("alpha") ?? 2 * rank,
      useDora: args.flag("dora"),
      ...present({
        dropout: args.number("dropout", { minimum: 0 }),
        init: args.choice("init", ["kaiming", "gaussian"]),
      }),
      ...(targets && {
        targetModules: targets.length === 1 && targets[0] === "all-linear"
          ? "all-linear"
          : targets,
      }),
    },
    trainer: {
      seed,
      learningRate: args.number("learning-rate", positive) ?? 2e-4,
      ...present({
        steps: args.whole("steps"),
        batchSize: args.whole("batch-size"),
        gradientAccumulation: args.whole("gradient-accumulation"),
        schedule: args.choice("schedule", SCHEDULE_KINDS),
        warmupSteps: args.whole("warmup-steps", { minimum: 0 }),
        weightDecay: args.number("weight-decay", { minimum: 0 }),
        maxGradientNorm: clip === 0 ? Infinity : clip,
        evaluateEvery: args.whole("evaluate-every"),
      }),
    },
    seed,
    model: args.required("model"),
    data: args.required("data"),
    output: args.required("output"),
    maxLength: args.whole("max-length", { minimum: 2 }),
    logEvery: args.whole("log-every"),
  };
}
