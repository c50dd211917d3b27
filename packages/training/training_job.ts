import type { Tensor } from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";
import { AdamW } from "./adamw.ts";
import { BatchSource } from "./batch_source.ts";
import { checkLengths } from "./check_lengths.ts";
import type { TokenizedExample } from "./example.ts";
import { loraPlusRates } from "./lora_plus_rates.ts";
import { learningRateAt } from "./schedule.ts";
import type { Trainable } from "./trainable.ts";
import { checkTrainerOptions, type TrainerOptions } from "./trainer_options.ts";
import type { BestValidation, TrainingState } from "./training_state.ts";

/** What a trainer trains, one thing or several, each with what is its own. */
export class TrainingJob {
  /** What is trained. */
  readonly trainable: Trainable;
  /** How. */
  readonly options: TrainerOptions;
  /** Its batches. */
  readonly source: BatchSource;
  /** What it is measured on; may be empty. */
  readonly validation: readonly TokenizedExample[];
  readonly #model: CausalLanguageModel;
  #best: BestValidation | undefined;
  #lastValidation: number | undefined;
  #sinceBest: number;

  /**
   * Prepares a job.
   *
   * @param model The model that it is for.
   * @param trainable What is trained: an adapter, or a model's weights.
   * @param examples What it is trained on, at least one.
   * @param validation What it is measured on; may be empty.
   * @param options How.
   * @throws {RangeError} If an example is longer than the model's positions or a
   *   packed row, or an option is outside its range.
   */
  constructor(
    model: CausalLanguageModel,
    trainable: Trainable,
    examples: readonly TokenizedExample[],
    validation: readonly TokenizedExample[],
    options: TrainerOptions,
  ) {
    checkTrainerOptions(options);
    const { maxPositions } = model.config;
    checkLengths([...examples, ...validation], maxPositions);
    const { batchSize = 8, seed = 0, packLength, groupByLength } = options;
    this.#model = model;
    this.trainable = trainable;
    this.validation = validation;
    this.options = options;
    this.source = new BatchSource(examples, {
      batchSize,
      seed,
      maxLength: maxPositions,
      ...(packLength !== undefined && { packLength }),
      ...(groupByLength !== undefined && { groupByLength }),
    });
    this.#best = options.state?.best;
    this.#sinceBest = options.state?.validationsSinceBest ?? 0;
  }

  /** The trained tensors. */
  get parameters(): readonly Tensor[] {
    return [...this.trainable.parameters.values()];
  }

  /** The best validation so far, if there was one. */
  get best(): BestValidation | undefined {
    return this.#best;
  }

  /** The last validation loss, if there was one. */
  get lastValidation(): number | undefined {
    return this.#lastValidation;
  }

  /** Whether validation got no better for as long as was to be waited. */
  get isStale(): boolean {
    return this.#sinceBest >= (this.options.patience ?? Infinity);
  }

  /** Whether inputs are dropped while it is trained. */
  get drops(): boolean {
    return [...this.trainable.layers.values()]
      .some(({ config }) => config.dropout > 0);
  }

  /**
   * Makes the optimizer, as it was where the run goes on.
   *
   * @returns The optimizer, to be closed.
   * @throws {RangeError} If the state is of something else.
   */
  optimizer(): AdamW {
    const { weightDecay = 0, loraPlusRatio = 1, state } = this.options;
    const names = [...this.trainable.parameters.keys()];
    const optimizer = new AdamW(this.#model.device, this.parameters, {
      weightDecay,
      rates: loraPlusRates(names, loraPlusRatio),
    });
    if (state) {
      const states = names.map((name) => {
        const found = state.parameters.get(name);
        if (found) return found;
        throw new RangeError(
          `Cannot go on from step ${state.step}: the state has no ${name}`,
        );
      });
      optimizer.restore(states, state.step);
    }
    return optimizer;
  }

  /**
   * Gives the learning rate of a step.
   *
   * @param step The step, from 0.
   * @returns The rate.
   */
  learningRate(step: number): number {
    const { steps = 100, warmupSteps = 0, schedule = "linear" } = this.options;
    const { learningRate = 1e-4, minLearningRate = 0 } = this.options;
    const least = minLearningRate * learningRate;
    return learningRateAt(
      { kind: schedule, learningRate, warmupSteps, steps, least },
      step,
    );
  }

  /**
   * Has what is recorded from now on drop inputs by a counter, or drop none.
   *
   * @param counter The number of the batch, `[]`.
   */
  setDropout(counter: Tensor | undefined): void {
    const { seed = 0 } = this.options;
    let index = 0;
    for (const layer of this.trainable.layers.values()) {
      layer.dropoutSource = counter &&
        { seed: seed * 65536 + index++, counter };
    }
  }

  /**
   * Tells whether a step is followed by a validation.
   *
   * @param step The steps made.
   * @returns Whether it is.
   */
  isValidatedAfter(step: number): boolean {
    const { steps = 100, evaluateEvery = steps } = this.options;
    return this.validation.length > 0 &&
      (step % evaluateEvery === 0 || step === steps);
  }

  /**
   * Notes a validation.
   *
   * @param step The steps made.
   * @param loss What it gave.
   * @returns Whether no other was as good.
   */
  noteValidation(step: number, loss: number): boolean {
    this.#lastValidation = loss;
    if (!(loss < (this.#best?.loss ?? Infinity))) {
      this.#sinceBest++;
      return false;
    }
    this.#best = { step, loss };
    this.#sinceBest = 0;
    return true;
  }

  /**
   * Reads all that is needed to go on later.
   *
   * @param step The steps made.
   * @param optimizer What updates it.
   * @returns The state.
   */
  async state(step: number, optimizer: AdamW): Promise<TrainingState> {
    const states = await optimizer.states();
    const names = [...this.trainable.parameters.keys()];
    return {
      step,
      parameters: new Map(names.map((name, index) => [name, states[index]!])),
      best: this.#best,
      validationsSinceBest: this.#sinceBest,
    };
  }
}
