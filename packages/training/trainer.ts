import { nextTurn } from "@wick/async-exec";
import { type Communicator, singleProcess } from "@wick/distributed";
import type { Tensor } from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";
import { AdamW } from "./adamw.ts";
import type { Batch } from "./batches.ts";
import { checkLengths } from "./check_lengths.ts";
import { BatchSource } from "./batch_source.ts";
import { type BatchTensors, CapturedStep } from "./captured_step.ts";
import type { RecordedLoss } from "./captured_step.ts";
import { compareRanks } from "./compare_ranks.ts";
import { GradientExchange } from "./gradient_exchange.ts";
import { explainDivergence } from "./explain_divergence.ts";
import { DivergenceError } from "./divergence_error.ts";
import { evaluateLoss } from "./evaluate.ts";
import type { TokenizedExample } from "./example.ts";
import { languageModelLoss } from "./language_model_loss.ts";
import { loraPlusRates } from "./lora_plus_rates.ts";
import { learningRateAt } from "./schedule.ts";
import type { TrainStepResult } from "./train_step.ts";
import type { Trainable } from "./trainable.ts";
import {
  checkTrainerOptions,
  type StepReport,
  type TrainerOptions,
} from "./trainer_options.ts";
import type { BestValidation } from "./training_state.ts";

/**
 * Trains an adapter, or a model, on examples.
 *
 * A run depends on the model, the examples, the options and nothing else: the
 * same again gives the same bits on the same device, also when it is stopped
 * and goes on from a {@linkcode TrainingState}.
 */
export class Trainer {
  readonly #model: CausalLanguageModel;
  readonly #trainable: Trainable;
  readonly #validation: readonly TokenizedExample[];
  readonly #options: TrainerOptions;
  readonly #source: BatchSource;
  readonly #communicator: Communicator;
  #best: BestValidation | undefined;
  #lastValidation: number | undefined;
  #sinceBest: number;
  /** Whether any rank wants to stop, as all ranks have agreed. */
  #stopped = false;

  /**
   * Makes a trainer; {@linkcode Trainer.run} runs it.
   *
   * @param model The model that the adapter is in.
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
    validation: readonly TokenizedExample[] = [],
    options: TrainerOptions = {},
  ) {
    checkTrainerOptions(options);
    const { maxPositions } = model.config;
    checkLengths([...examples, ...validation], maxPositions);
    const { batchSize = 8, seed = 0, packLength, groupByLength } = options;
    this.#model = model;
    this.#trainable = trainable;
    this.#validation = validation;
    this.#options = options;
    this.#communicator = options.communicator ?? singleProcess();
    this.#source = new BatchSource(examples, {
      batchSize,
      seed,
      maxLength: maxPositions,
      ...(packLength !== undefined && { packLength }),
      ...(groupByLength !== undefined && { groupByLength }),
    });
    this.#best = options.state?.best;
    this.#sinceBest = options.state?.validationsSinceBest ?? 0;
  }

  /** The rows of the data: examples, or rows that several share. */
  get rows(): number {
    return this.#source.rows;
  }

  /** The best validation so far, if there was one. */
  get best(): BestValidation | undefined {
    return this.#best;
  }

  /** The last validation loss of this run, if there was one. */
  get lastValidation(): number | undefined {
    return this.#lastValidation;
  }

  /** Whether it ended because validation got no better. */
  get isStale(): boolean {
    return this.#sinceBest >= (this.#options.patience ?? Infinity);
  }

  /**
   * Trains.
   *
   * @returns The report of every step of this run.
   * @throws {DivergenceError} If the loss or the gradient is no number any
   *   more. Nothing was updated then: what is trained is as it was before.
   */
  async run(): Promise<StepReport[]> {
    const { device } = this.#model;
    const { steps = 100, onStep, state } = this.#options;
    const { saveEvery = Infinity, compareEvery = 50 } = this.#options;
    const parameters = [...this.#trainable.parameters.values()];
    using optimizer = this.#optimizer(parameters);
    using counter = device.tensor(Uint32Array.of(0));
    const first = state?.step ?? 0;
    using exchange = this.#exchange(optimizer);
    using captured = this.#capturedStep(optimizer, {
      parameters,
      counter,
      exchange,
    });
    const reports: StepReport[] = [];
    const began = performance.now();
    let tokens = 0;
    let saved = first;
    let step = first;
    const compare = () =>
      compareRanks(this.#communicator, this.#trainable.parameters, step);
    await compare();
    for (; step < steps && !this.isStopped && !this.isStale; step++) {
      const batches = this.#batches(step);
      tokens += this.#tokens(step, batches);
      this.#step = step;
      const report = await this.#run(step, batches, captured);
      const seconds = (performance.now() - began) / 1000;
      const full: StepReport = {
        ...report,
        step: step + 1,
        steps,
        tokensPerSecond: tokens / seconds,
        secondsLeft: seconds / (step + 1 - first) * (steps - step - 1),
        validationLoss: await this.#validate(step + 1, steps),
      };
      reports.push(full);
      await this.#noteBest(full);
      await onStep?.(full);
      if ((step + 1) % compareEvery === 0) await compare();
      if ((step + 1) % saveEvery === 0) {
        await this.#save(step + 1, optimizer);
        saved = step + 1;
      }
      // So that Ctrl-C and timers are heard between two steps.
      await nextTurn();
    }
    if (saved < step) await this.#save(step, optimizer);
    await compare();
    return reports;
  }

  /** The step that is being made, for the counter of dropout. */
  #step = 0;

  #optimizer(parameters: readonly Tensor[]): AdamW {
    const { weightDecay = 0, loraPlusRatio = 1, state } = this.#options;
    const names = [...this.#trainable.parameters.keys()];
    const optimizer = new AdamW(this.#model.device, parameters, {
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

  #exchange({ shapes }: AdamW): GradientExchange | undefined {
    const { exchange: dtype = "f32" } = this.#options;
    return this.#communicator.size === 1
      ? undefined
      : new GradientExchange(this.#communicator, this.#model.device, shapes, {
        dtype,
      });
  }

  #capturedStep(
    optimizer: AdamW,
    { parameters, counter, exchange }: {
      readonly parameters: readonly Tensor[];
      readonly counter: Tensor;
      readonly exchange: GradientExchange | undefined;
    },
  ): CapturedStep {
    const { device } = this.#model;
    const { gradientAccumulation = 1, maxGradientNorm = 1 } = this.#options;
    const { rank, size } = this.#communicator;
    return new CapturedStep({
      device,
      parameters,
      optimizer,
      accumulation: gradientAccumulation,
      maxGradientNorm,
      onBatch: (part) => {
        if (!this.#drops) return;
        const batch = this.#step * gradientAccumulation + part;
        device.write(counter, [batch * size + rank]);
      },
      ...(exchange && { exchange }),
      loss: (batch) => {
        this.#setDropout(counter);
        try {
          return this.#recordLoss(batch);
        } finally {
          this.#setDropout(undefined);
        }
      },
    });
  }

  /** Sums the loss over all ranks, and agrees whether to stop. */
  async #agree(loss: number): Promise<number> {
    if (this.#communicator.size === 1) return loss;
    const stop = this.#options.signal?.aborted ? 1 : 0;
    const numbers = Float64Array.of(loss, stop);
    await this.#communicator.allReduce(numbers);
    this.#stopped = numbers[1]! > 0;
    return numbers[0]!;
  }

  /** Whether it ended, or is to end, because it was asked to. */
  get isStopped(): boolean {
    return this.#communicator.size > 1
      ? this.#stopped
      : this.#options.signal?.aborted ?? false;
  }

  #recordLoss({ ids, nextIds, ...shared }: BatchTensors): RecordedLoss {
    const { labelSmoothing = 0, gradientCheckpointing } = this.#options;
    const checkpoints: Tensor[] = [];
    const loss = languageModelLoss(this.#model, ids, nextIds, {
      labelSmoothing,
      ...shared,
      parameters: [...this.#trainable.parameters.values()],
      onLayer: (x) => void checkpoints.push(x),
    });
    return { loss, ...(gradientCheckpointing && { checkpoints }) };
  }

  async #run(
    step: number,
    batches: readonly Batch[],
    captured: CapturedStep,
  ): Promise<TrainStepResult & Pick<StepReport, "learningRate">> {
    const learningRate = this.#learningRate(step);
    const { loss: own, gradientNorm } = await captured.run(
      batches,
      learningRate,
    );
    const loss = await this.#agree(own);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      const { learningRate: highest = 1e-4 } = this.#options;
      throw new DivergenceError(
        step + 1,
        await explainDivergence(this.#model, this.#trainable, batches, {
          loss,
          gradientNorm,
          learningRate: highest,
        }),
      );
    }
    return { loss, gradientNorm, learningRate };
  }

  #learningRate(step: number): number {
    const { steps = 100, warmupSteps = 0, schedule = "linear" } = this.#options;
    const { learningRate = 1e-4, minLearningRate = 0 } = this.#options;
    const least = minLearningRate * learningRate;
    return learningRateAt(
      { kind: schedule, learningRate, warmupSteps, steps, least },
      step,
    );
  }

  #batches(step: number): Batch[] {
    const { gradientAccumulation = 1 } = this.#options;
    return Array.from(
      { length: gradientAccumulation },
      (_, part) =>
        this.#source.batch(
          step * gradientAccumulation + part,
          this.#communicator.size > 1 ? this.#communicator : undefined,
        ),
    );
  }

  /** The tokens of a step, those of other ranks included. */
  #tokens(step: number, own: readonly Batch[]): number {
    const whole = this.#communicator.size === 1
      ? own
      : own.map((_, part) => this.#source.batch(step * own.length + part));
    return whole.reduce((total, { tokens }) => total + tokens, 0);
  }

  async #validate(step: number, steps: number): Promise<number | undefined> {
    const { evaluateEvery = steps } = this.#options;
    if (
      this.#validation.length === 0 ||
      (step % evaluateEvery !== 0 && step !== steps)
    ) return undefined;
    const { loss } = await evaluateLoss(this.#model, this.#validation, {
      communicator: this.#communicator,
    });
    return loss;
  }

  async #noteBest(report: StepReport): Promise<void> {
    const { step, validationLoss: loss } = report;
    if (loss === undefined) return;
    this.#lastValidation = loss;
    if (!(loss < (this.#best?.loss ?? Infinity))) {
      this.#sinceBest++;
      return;
    }
    this.#best = { step, loss };
    this.#sinceBest = 0;
    await this.#options.onBest?.(report);
  }

  async #save(step: number, optimizer: AdamW): Promise<void> {
    const { onSave } = this.#options;
    if (!onSave) return;
    const states = await optimizer.states();
    const names = [...this.#trainable.parameters.keys()];
    await onSave({
      step,
      parameters: new Map(names.map((name, index) => [name, states[index]!])),
      best: this.#best,
      validationsSinceBest: this.#sinceBest,
    });
  }

  get #drops(): boolean {
    return [...this.#trainable.layers.values()]
      .some(({ config }) => config.dropout > 0);
  }

  /** What is recorded from now on drops inputs by that counter, or none. */
  #setDropout(counter: Tensor | undefined): void {
    const { seed = 0 } = this.#options;
    let index = 0;
    for (const layer of this.#trainable.layers.values()) {
      layer.dropoutSource = counter &&
        { seed: seed * 65536 + index++, counter };
    }
  }
}
