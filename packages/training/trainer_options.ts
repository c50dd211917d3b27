import type { Communicator } from "@wick/distributed";
import type { ExchangeDType } from "./exchange_numbers.ts";
import type { ScheduleKind } from "./schedule.ts";
import type { TrainingState } from "./training_state.ts";

/** Options of a trainer. */
export interface TrainerOptions {
  /** Steps in all; 100 if absent. */
  readonly steps?: number;
  /** The rows of a micro-batch; 8 if absent. */
  readonly batchSize?: number;
  /** The micro-batches of a step; 1 if absent. */
  readonly gradientAccumulation?: number;
  /** The highest learning rate; 1e-4 if absent. */
  readonly learningRate?: number;
  /** How the learning rate goes on after the warm-up; `"linear"` if absent. */
  readonly schedule?: ScheduleKind;
  /** Steps in which the learning rate rises; 0 if absent. */
  readonly warmupSteps?: number;
  /** The part of the highest learning rate that is left at the end; 0 if absent. */
  readonly minLearningRate?: number;
  /** What the learning rate of each B is multiplied by (LoRA+); 1 if absent. */
  readonly loraPlusRatio?: number;
  /** The largest norm of the gradient; 1 if absent, infinite for none. */
  readonly maxGradientNorm?: number;
  /** How much of a weight is taken away, times the learning rate; 0 if absent. */
  readonly weightDecay?: number;
  /** The part of the target that all tokens share; 0 if absent. */
  readonly labelSmoothing?: number;
  /**
   * Whether the values inside each decoder layer are computed again for the
   * gradients rather than kept: less memory, more work; false if absent.
   */
  readonly gradientCheckpointing?: boolean;
  /** The tokens of a row that several examples share; none do if absent. */
  readonly packLength?: number;
  /** Whether examples of like length go together; false if absent. */
  readonly groupByLength?: boolean;
  /** Which order of examples and which dropout; 0 if absent. */
  readonly seed?: number;
  /** Steps between two validation losses; only at the end if absent. */
  readonly evaluateEvery?: number;
  /** Validations without a better loss after which it ends; never if absent. */
  readonly patience?: number;
  /** Steps between two calls of `onSave`; only when stopped if absent. */
  readonly saveEvery?: number;
  /** Where an earlier run was, to go on from there. */
  readonly state?: TrainingState;
  /** Called after each step. */
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  /** Called when the validation loss is the best so far. */
  readonly onBest?: (report: StepReport) => void | Promise<void>;
  /** Called with all that is needed to go on later. */
  readonly onSave?: (state: TrainingState) => void | Promise<void>;
  /** Stops after the current step when it aborts. */
  readonly signal?: AbortSignal;
  /**
   * The ranks that share the rows of each micro-batch; one process if absent.
   * All must be given the same model, examples and options but the callbacks.
   */
  readonly communicator?: Communicator;
  /**
   * What gradients are rounded to before ranks exchange them; `"f32"` if absent.
   * Halves are half the bytes; losses then differ from those of one process.
   */
  readonly exchange?: ExchangeDType;
  /** Steps between two checks that all ranks have the same bits; 50 if absent. */
  readonly compareEvery?: number;
}

/** What a step gave. */
export interface StepReport {
  /** The number of the step, from 1. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
  /** The mean loss of its micro-batches. */
  readonly loss: number;
  /** The norm of the gradient before it was clipped. */
  readonly gradientNorm: number;
  /** The learning rate. */
  readonly learningRate: number;
  /** Tokens, without filling, in a second. */
  readonly tokensPerSecond: number;
  /** Seconds until the last step, as the steps so far went. */
  readonly secondsLeft: number;
  /** The validation loss, after steps that measure it. */
  readonly validationLoss: number | undefined;
}

/**
 * Checks the options of a trainer.
 *
 * @param options The options.
 * @throws {RangeError} If one is outside its range.
 */
export function checkTrainerOptions(options: TrainerOptions): void {
  const { steps = 1, batchSize = 1, gradientAccumulation = 1 } = options;
  const { warmupSteps = 0, learningRate = 1, maxGradientNorm = 1 } = options;
  const { evaluateEvery = 1, saveEvery = 1, patience = 1 } = options;
  const { weightDecay = 0, loraPlusRatio = 1, labelSmoothing = 0 } = options;
  const { packLength = 2, minLearningRate = 0, compareEvery = 1 } = options;
  const refuse = (name: string, value: number, must: string): never => {
    throw new RangeError(
      `Cannot train with ${name} ${value}: it must be ${must}`,
    );
  };
  const whole = {
    ...{ steps, batchSize, gradientAccumulation, evaluateEvery },
    ...{ saveEvery, patience, compareEvery },
  };
  for (const [name, value] of Object.entries(whole)) {
    if (!Number.isInteger(value) || value < 1) {
      refuse(name, value, "a whole number of at least 1");
    }
  }
  if (!Number.isInteger(packLength) || packLength < 2) {
    refuse("packLength", packLength, "a whole number of at least 2");
  }
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0) {
    throw new RangeError(
      `Cannot train with ${warmupSteps} warm-up steps: it must be a whole number of at least 0`,
    );
  }
  const positive = { learningRate, maxGradientNorm, loraPlusRatio };
  for (const [name, value] of Object.entries(positive)) {
    if (!(value > 0)) refuse(name, value, "above 0");
  }
  if (!(weightDecay >= 0)) refuse("weightDecay", weightDecay, "at least 0");
  for (
    const [name, value] of Object.entries({ labelSmoothing, minLearningRate })
  ) {
    if (!(value >= 0 && value <= 1)) refuse(name, value, "from 0 to 1");
  }
}
