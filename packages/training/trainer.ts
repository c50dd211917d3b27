import { nextTurn } from "@wick/async-exec";
import { type Communicator, singleProcess } from "@wick/distributed";
import type { Tensor } from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";
import type { AdamW } from "./adamw.ts";
import type { Batch } from "./batches.ts";
import { CapturedStep, type RecordedLoss } from "./captured_step.ts";
import { compareRanks } from "./compare_ranks.ts";
import { GradientExchange } from "./gradient_exchange.ts";
import { explainDivergence } from "./explain_divergence.ts";
import { DivergenceError } from "./divergence_error.ts";
import { evaluateLoss } from "./evaluate.ts";
import type { TokenizedExample } from "./example.ts";
import type { BatchTensors } from "./joint_step.ts";
import { languageModelLoss } from "./language_model_loss.ts";
import type { TrainStepResult } from "./train_step.ts";
import type { Trainable } from "./trainable.ts";
import type { StepReport, TrainerOptions } from "./trainer_options.ts";
import { TrainingJob } from "./training_job.ts";
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
  readonly #job: TrainingJob;
  readonly #options: TrainerOptions;
  readonly #communicator: Communicator;
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
    this.#model = model;
    this.#job = new TrainingJob(
      model,
      trainable,
      examples,
      validation,
      options,
    );
    this.#options = options;
    this.#communicator = options.communicator ?? singleProcess();
  }

  /** The rows of the data: examples, or rows that several share. */
  get rows(): number {
    return this.#job.source.rows;
  }

  /** The best validation so far, if there was one. */
  get best(): BestValidation | undefined {
    return this.#job.best;
  }

  /** The last validation loss of this run, if there was one. */
  get lastValidation(): number | undefined {
    return this.#job.lastValidation;
  }

  /** Whether it ended because validation got no better. */
  get isStale(): boolean {
    return this.#job.isStale;
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
    const { steps = 100, onStep, onBest, state } = this.#options;
    const { saveEvery = Infinity, compareEvery = 50 } = this.#options;
    const { parameters, trainable } = this.#job;
    using optimizer = this.#job.optimizer();
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
      compareRanks(this.#communicator, trainable.parameters, step);
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
        validationLoss: await this.#validate(step + 1),
      };
      reports.push(full);
      if (this.best?.step === step + 1) await onBest?.(full);
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
        if (!this.#job.drops) return;
        const batch = this.#step * gradientAccumulation + part;
        device.write(counter, [batch * size + rank]);
      },
      ...(exchange && { exchange }),
      loss: (batch) => {
        this.#job.setDropout(counter);
        try {
          return this.#recordLoss(batch);
        } finally {
          this.#job.setDropout(undefined);
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
      parameters: this.#job.parameters,
      onLayer: (x) => void checkpoints.push(x),
    });
    return { loss, ...(gradientCheckpointing && { checkpoints }) };
  }

  async #run(
    step: number,
    batches: readonly Batch[],
    captured: CapturedStep,
  ): Promise<TrainStepResult & Pick<StepReport, "learningRate">> {
    const learningRate = this.#job.learningRate(step);
    const { loss: own, gradientNorm } = await captured.run(
      batches,
      learningRate,
    );
    const loss = await this.#agree(own);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      const { learningRate: highest = 1e-4 } = this.#options;
      throw new DivergenceError(
        step + 1,
        await explainDivergence(this.#model, this.#job.trainable, batches, {
          loss,
          gradientNorm,
          learningRate: highest,
        }),
      );
    }
    return { loss, gradientNorm, learningRate };
  }

  #batches(step: number): Batch[] {
    const { gradientAccumulation = 1 } = this.#options;
    return Array.from(
      { length: gradientAccumulation },
      (_, part) =>
        this.#job.source.batch(
          step * gradientAccumulation + part,
          this.#communicator.size > 1 ? this.#communicator : undefined,
        ),
    );
  }

  /** The tokens of a step, those of other ranks included. */
  #tokens(step: number, own: readonly Batch[]): number {
    const whole = this.#communicator.size === 1
      ? own
      : own.map((_, part) => this.#job.source.batch(step * own.length + part));
    return whole.reduce((total, { tokens }) => total + tokens, 0);
  }

  async #validate(step: number): Promise<number | undefined> {
    if (!this.#job.isValidatedAfter(step)) return undefined;
    const { loss } = await evaluateLoss(this.#model, this.#job.validation, {
      communicator: this.#communicator,
    });
    this.#job.noteValidation(step, loss);
    return loss;
  }

  async #save(step: number, optimizer: AdamW): Promise<void> {
    const { onSave } = this.#options;
    if (onSave) await onSave(await this.#job.state(step, optimizer));
  }
}
