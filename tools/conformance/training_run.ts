import { Fields, readJsonObject } from "@wick/models";
import {
  type AdamWOptions,
  type Schedule,
  SCHEDULE_KINDS,
} from "@wick/training";

/** What `run.json` of a training case says. */
export interface TrainingRun {
  /** The folder of the model, from the golden folder on. */
  readonly model: string;
  /** The constants of AdamW. */
  readonly optimizer: AdamWOptions;
  /** The learning rate over the steps. */
  readonly schedule: Schedule;
  /** The micro-batches of a step. */
  readonly gradientAccumulation: number;
  /** The largest norm of the gradient. */
  readonly maxGradientNorm: number;
  /** The loss that each step must have. */
  readonly losses: number[];
  /** The gradient norm that each step must have, before clipping. */
  readonly gradientNorms: number[];
  /** The learning rate that each step must have. */
  readonly learningRates: number[];
}

/**
 * Reads `run.json` of a training case.
 *
 * @param path The file.
 * @returns What it says.
 * @throws {FileFormatError} If it is missing or wrong.
 */
export async function readTrainingRun(path: string): Promise<TrainingRun> {
  const fields: Fields = new Fields(path, await readJsonObject(path));
  const number = (name: string, fallback?: number): number => {
    const value = fields.get(name) ?? fallback;
    return typeof value === "number" ? value : fields.fail(name, "a number");
  };
  const numbers = (name: string): number[] => {
    const value = fields.get(name);
    if (!Array.isArray(value)) fields.fail(name, "a list of numbers");
    return value.map((entry: unknown) =>
      typeof entry === "number" ? entry : fields.fail(name, "a list of numbers")
    );
  };
  const model = fields.get("model");
  if (typeof model !== "string") fields.fail("model", "a folder");
  const optimizer = fields.get("optimizer") ?? "AdamW";
  if (optimizer !== "AdamW") fields.fail("optimizer", '"AdamW"');
  const kind = SCHEDULE_KINDS.find((name) => name === fields.get("schedule")) ??
    fields.fail("schedule", SCHEDULE_KINDS.join(", "));
  const [beta1 = 0.9, beta2 = 0.999] = fields.get("betas") === undefined
    ? []
    : numbers("betas");
  return {
    model,
    optimizer: {
      beta1,
      beta2,
      eps: number("eps", 1e-8),
      weightDecay: number("weight_decay", 0),
    },
    schedule: {
      kind,
      learningRate: number("learning_rate"),
      warmupSteps: number("warmup_steps", 0),
      steps: number("steps"),
    },
    gradientAccumulation: number("gradient_accumulation", 1),
    maxGradientNorm: number("max_grad_norm", Infinity),
    losses: numbers("losses"),
    gradientNorms: numbers("grad_norms_before_clip"),
    learningRates: numbers("learning_rates"),
  };
}
