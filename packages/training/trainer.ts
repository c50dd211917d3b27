import { nextTurn } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";
import type { LoraAdapter } from "@wick/lora";
import { AdamW } from "./adamw.ts";
import {
  type Batch,
  commonLength,
  makeBatch,
  stepExamples,
} from "./batches.ts";
import { CapturedStep } from "./captured_step.ts";
import { evaluateLoss } from "./evaluate.ts";
import type { TokenizedExample } from "./example.ts";
import { languageModelLoss } from "./language_model_loss.ts";
import { learningRateAt, type ScheduleKind } from "./schedule.ts";

/** Options of {@linkcode Trainer}. */
export interface TrainerOptions {
  /** Steps in all; 100 if absent. */
  readonly steps?: number;
  /** The examples of a micro-batch; 8 if absent. */
  readonly batchSize?: number;
  /** The micro-batches of a step; 1 if absent. */
  readonly gradientAccumulation?: number;
  /** The highest learning rate; 1e-4 if absent. */
  readonly learningRate?: number;
  /** How the learning rate goes on after the warm-up; `"linear"` if absent. */
  readonly schedule?: ScheduleKind;
  /** Steps in which the learning rate rises; 0 if absent. */
  readonly warmupSteps?: number;
  /** The largest norm of the gradient; 1 if absent, infinite for none. */
  readonly maxGradientNorm?: number;
  /** How much of a weight is taken away, times the learning rate; 0 if absent. */
  readonly weightDecay?: number;
  /** Which order of examples and which dropout; 0 if absent. */
  readonly seed?: number;
  /** Steps between two validation losses; only at the end if absent. */
  readonly evaluateEvery?: number;
  /** Called after each step. */
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  /** Stops after the current step when it aborts. */
  readonly signal?: AbortSignal;
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

/** Thrown when the loss or the gradient is no number any more. */
export class DivergenceError extends Error {
  /** The name of the class. */
  override readonly name = "DivergenceError";
}

/**
 * Trains an adapter on examples. The weights of the model never change.
 */
export class Trainer {
  readonly #model: CausalLanguageModel;
  readonly #adapter: LoraAdapter;
  readonly #examples: readonly TokenizedExample[];
  readonly #validation: readonly TokenizedExample[];
  readonly #options: TrainerOptions;

  /**
   * Makes a trainer; {@linkcode Trainer.run} runs it.
   *
   * @param model The model that the adapter is in.
   * @param adapter What is trained.
   * @param examples What it is trained on, at least one.
   * @param validation What it is measured on; may be empty.
   * @param options How.
   * @throws {RangeError} If an example is longer than the model's positions, or
   *   an option is outside its range.
   */
  constructor(
    model: CausalLanguageModel,
    adapter: LoraAdapter,
    examples: readonly TokenizedExample[],
    validation: readonly TokenizedExample[] = [],
    options: TrainerOptions = {},
  ) {
    checkOptions(options);
    checkLengths([...examples, ...validation], model.config.maxPositions);
    this.#model = model;
    this.#adapter = adapter;
    this.#examples = examples;
    this.#validation = validation;
    this.#options = options;
  }

  /**
   * Trains.
   *
   * @returns The report of every step.
   * @throws {DivergenceError} If the loss or the gradient is no number any
   *   more; the adapter then is of no use.
   */
  async run(): Promise<StepReport[]> {
    const { device, config: { maxPositions } } = this.#model;
    const { steps = 100, signal, onStep, weightDecay = 0 } = this.#options;
    const { batchSize = 8, gradientAccumulation = 1 } = this.#options;
    const { maxGradientNorm = 1 } = this.#options;
    const parameters = [...this.#adapter.parameters.values()];
    using optimizer = new AdamW(device, parameters, { weightDecay });
    using counter = device.tensor(Uint32Array.of(0));
    const length = Math.min(maxPositions, commonLength(this.#examples));
    this.#setDropout(counter);
    using captured = new CapturedStep({
      device,
      parameters,
      optimizer,
      shape: [batchSize, length],
      accumulation: gradientAccumulation,
      maxGradientNorm,
      loss: (ids, nextIds) => languageModelLoss(this.#model, ids, nextIds),
    });
    this.#setDropout(undefined);
    const reports: StepReport[] = [];
    const began = performance.now();
    let tokens = 0;
    for (let step = 0; step < steps && !signal?.aborted; step++) {
      device.write(counter, [step]);
      const batches = this.#batches(step, length);
      tokens += batches.reduce((total, batch) => total + batch.tokens, 0);
      const report = await this.#step(step, batches, captured);
      const seconds = (performance.now() - began) / 1000;
      const full = {
        ...report,
        step: step + 1,
        steps,
        tokensPerSecond: tokens / seconds,
        secondsLeft: seconds / (step + 1) * (steps - step - 1),
        validationLoss: await this.#validate(step + 1, steps),
      };
      reports.push(full);
      await onStep?.(full);
      // So that Ctrl-C and timers are heard between two steps.
      await nextTurn();
    }
    return reports;
  }

  async #step(
    step: number,
    batches: readonly Batch[],
    captured: CapturedStep,
  ): Promise<Pick<StepReport, "loss" | "gradientNorm" | "learningRate">> {
    const { steps = 100, warmupSteps = 0, schedule = "linear" } = this.#options;
    const { learningRate: highest = 1e-4 } = this.#options;
    const learningRate = learningRateAt(
      { kind: schedule, learningRate: highest, warmupSteps, steps },
      step,
    );
    const { loss, gradientNorm } = await captured.run(batches, learningRate);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new DivergenceError(
        `Cannot train on: at step ${
          step + 1
        } the loss is ${loss} and the gradient norm ${gradientNorm}; try a lower learning rate than ${highest}`,
      );
    }
    return { loss, gradientNorm, learningRate };
  }

  #batches(step: number, length: number): Batch[] {
    const { batchSize = 8, gradientAccumulation = 1, seed = 0 } = this.#options;
    const count = this.#examples.length;
    return Array.from({ length: gradientAccumulation }, (_, part) => {
      const indexes = stepExamples(
        { count, batchSize, seed },
        step * gradientAccumulation + part,
      );
      return makeBatch(indexes.map((index) => this.#examples[index]!), {
        length,
      });
    });
  }

  async #validate(step: number, steps: number): Promise<number | undefined> {
    const { evaluateEvery = steps } = this.#options;
    if (
      this.#validation.length === 0 ||
      (step % evaluateEvery !== 0 && step !== steps)
    ) return undefined;
    const { loss } = await evaluateLoss(this.#model, this.#validation);
    return loss;
  }

  /** What is recorded from now on drops inputs by that counter, or none. */
  #setDropout(counter: Tensor | undefined): void {
    const { seed = 0 } = this.#options;
    let index = 0;
    for (const layer of this.#adapter.layers.values()) {
      layer.dropoutSource = counter &&
        { seed: seed * 65536 + index++, counter };
    }
  }
}

function checkLengths(
  examples: readonly TokenizedExample[],
  maxPositions: number,
): void {
  const long = examples.findIndex(({ ids }) => ids.length > maxPositions);
  if (long >= 0) {
    throw new RangeError(
      `Cannot train on example ${long + 1} of ${
        examples[long]!.ids.length
      } tokens: the model has ${maxPositions} positions`,
    );
  }
}

function checkOptions(options: TrainerOptions): void {
  const { steps = 1, batchSize = 1, gradientAccumulation = 1 } = options;
  const { warmupSteps = 0, learningRate = 1, maxGradientNorm = 1 } = options;
  const whole = { steps, batchSize, gradientAccumulation };
  for (const [name, value] of Object.entries(whole)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot train with ${name} ${value}: it must be a whole number of at least 1`,
      );
    }
  }
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0) {
    throw new RangeError(
      `Cannot train with ${warmupSteps} warm-up steps: it must be a whole number of at least 0`,
    );
  }
  for (
    const [name, value] of Object.entries({ learningRate, maxGradientNorm })
  ) {
    if (!(value > 0)) {
      throw new RangeError(
        `Cannot train with ${name} ${value}: it must be above 0`,
      );
    }
  }
}
