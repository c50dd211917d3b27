import { nextTurn } from "@wick/async-exec";
import { slice, type Tensor } from "@wick/core-tensor";
import { AdapterMix, type LoraAdapter } from "@wick/lora";
import type { CausalLanguageModel } from "@wick/models";
import type { AdamW } from "./adamw.ts";
import type { Batch } from "./batches.ts";
import { DivergenceError } from "./divergence_error.ts";
import { evaluateLoss } from "./evaluate.ts";
import type { TokenizedExample } from "./example.ts";
import { joinBatches } from "./join_batches.ts";
import { type BatchTensors, JointStep } from "./joint_step.ts";
import { streamLoss } from "./language_model_loss.ts";
import type { TrainStepResult } from "./train_step.ts";
import type { StepReport, TrainerOptions } from "./trainer_options.ts";
import { TrainingJob } from "./training_job.ts";
import type { BestValidation, TrainingState } from "./training_state.ts";

/** How one of several adapters is trained. */
export type AdapterTrainerOptions = Pick<
  TrainerOptions,
  | "batchSize"
  | "learningRate"
  | "schedule"
  | "warmupSteps"
  | "minLearningRate"
  | "loraPlusRatio"
  | "maxGradientNorm"
  | "weightDecay"
  | "labelSmoothing"
  | "groupByLength"
  | "seed"
  | "state"
>;

/** One of several adapters that are trained at once. */
export interface AdapterJob extends AdapterTrainerOptions {
  /** The adapter. */
  readonly adapter: LoraAdapter;
  /** What it is trained on, at least one. */
  readonly examples: readonly TokenizedExample[];
  /** What it is measured on; nothing if absent. */
  readonly validation?: readonly TokenizedExample[];
}

/** What a step of several adapters gave. */
export interface MultiStepReport
  extends
    Pick<StepReport, "step" | "steps" | "tokensPerSecond" | "secondsLeft"> {
  /** What it gave of each adapter, by name; the tokens/s are its own. */
  readonly adapters: Readonly<Record<string, StepReport>>;
}

/** How far one of several adapters is. */
export interface AdapterProgress {
  /** Its best validation so far, if there was one. */
  readonly best: BestValidation | undefined;
  /** Its last validation loss of this run, if there was one. */
  readonly lastValidation: number | undefined;
}

/** Options of {@linkcode MultiAdapterTrainer}. */
export interface MultiAdapterTrainerOptions extends
  Pick<
    TrainerOptions,
    "steps" | "gradientAccumulation" | "evaluateEvery" | "saveEvery" | "signal"
  > {
  /** Called after each step. */
  readonly onStep?: (report: MultiStepReport) => void | Promise<void>;
  /** Called when the validation loss of an adapter is its best so far. */
  readonly onBest?: (name: string, report: StepReport) => void | Promise<void>;
  /** Called with all that is needed to go on later, by adapter. */
  readonly onSave?: (
    states: Readonly<Record<string, TrainingState>>,
  ) => void | Promise<void>;
}

/**
 * Trains several adapters at once on one frozen model, each on data of its own,
 * with a rank, layers and a learning rate of its own. The rows of all are one
 * batch, so the model's weights are read once for all. Each adapter ends as if
 * it had been trained alone, but for rounding. A run that is stopped and goes on
 * from the state of each adapter ends with the bits of one that was not.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { LoraAdapter, loraConfig } from "@wick/lora";
 * import { MultiAdapterTrainer } from "@wick/training";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * using model = await CausalLanguageModel.load(
 *   device,
 *   "testdata/conformance/models/tiny-llama",
 * );
 * const inject = (rank: number) =>
 *   LoraAdapter.inject(model, loraConfig({ rank }), { insert: false });
 * using small = inject(4);
 * using large = inject(8);
 * const rows = (...ids: number[]) => [{ ids, labels: ids }];
 * const trainer = new MultiAdapterTrainer(model, {
 *   small: { adapter: small, examples: rows(5, 6, 7), learningRate: 1e-3 },
 *   large: { adapter: large, examples: rows(8, 9), learningRate: 1e-2 },
 * }, { steps: 2 });
 * const reports = await trainer.run();
 * assertEquals(Object.keys(reports[1]!.adapters), ["small", "large"]);
 * ```
 */
export class MultiAdapterTrainer {
  readonly #model: CausalLanguageModel;
  readonly #adapters: Readonly<Record<string, LoraAdapter>>;
  readonly #jobs: ReadonlyMap<string, TrainingJob>;
  readonly #options: MultiAdapterTrainerOptions;
  readonly #first: number;

  /**
   * Makes a trainer; {@linkcode MultiAdapterTrainer.run} runs it.
   *
   * @param model The model that the adapters are for.
   * @param jobs The adapters by name, and how each is trained.
   * @param options Steps in all, and when to validate and to save.
   * @throws {RangeError} If an example is longer than the model's positions, an
   *   option is outside its range, there is no adapter, the adapters were not saved
   *   after the same step, or one began with PiSSA and has dropout.
   */
  constructor(
    model: CausalLanguageModel,
    jobs: Readonly<Record<string, AdapterJob>>,
    options: MultiAdapterTrainerOptions = {},
  ) {
    const entries = Object.entries(jobs);
    if (entries.length === 0) {
      throw new RangeError("Cannot train no adapters: name at least one");
    }
    for (const [name, { adapter: { config } }] of entries) {
      // Its rows would drop features of what the base lacks, too.
      if (config.init === "pissa" && config.dropout > 0) {
        throw new RangeError(
          `Cannot train "${name}" beside others with PiSSA and dropout: train it alone, or without dropout`,
        );
      }
    }
    this.#model = model;
    this.#options = options;
    this.#adapters = Object.fromEntries(
      entries.map(([name, { adapter }]) => [name, adapter]),
    );
    this.#jobs = new Map(
      entries.map(([name, job]) => [name, jobOf(model, name, job, options)]),
    );
    this.#first = firstStep(this.#jobs);
  }

  /** Whether it ended, or is to end, because it was asked to. */
  get isStopped(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /**
   * Gives how far an adapter is.
   *
   * @param name Its name.
   * @returns Its validations so far.
   * @throws {RangeError} If there is no adapter of the name.
   */
  progress(name: string): AdapterProgress {
    const job = this.#jobs.get(name);
    if (job) return { best: job.best, lastValidation: job.lastValidation };
    throw new RangeError(
      `Cannot tell how far "${name}" is: there are ${
        [...this.#jobs.keys()].join(", ")
      }`,
    );
  }

  /**
   * Trains. The adapters are in the model while it runs, and out of it after.
   *
   * @returns The report of every step of this run.
   * @throws {RangeError} If an adapter cannot be mixed with others, or another
   *   one is in the model.
   * @throws {DivergenceError} If a loss or a gradient is no number any more. The
   *   adapter that it is of was not updated then.
   */
  async run(): Promise<MultiStepReport[]> {
    const { steps = 100, saveEvery = Infinity, onStep } = this.#options;
    const first = this.#first;
    using opened = new DisposableStack();
    opened.use(new AdapterMix(this.#model, this.#adapters));
    const optimizers = [...this.#jobs.values()].map((job) =>
      opened.use(job.optimizer())
    );
    const captured = this.#capturedStep(optimizers, opened);
    const reports: MultiStepReport[] = [];
    const began = performance.now();
    const tokens = new Map<string, number>();
    let saved = first;
    let step = first;
    for (; step < steps && !this.isStopped; step++) {
      this.#step = step;
      const results = await this.#run(step, captured, tokens);
      const seconds = (performance.now() - began) / 1000;
      const common = {
        step: step + 1,
        steps,
        secondsLeft: seconds / (step + 1 - first) * (steps - step - 1),
      };
      const adapters: Record<string, StepReport> = {};
      for (const [name, job] of this.#jobs) {
        adapters[name] = {
          ...common,
          ...results.get(name)!,
          learningRate: job.learningRate(step),
          tokensPerSecond: tokens.get(name)! / seconds,
          validationLoss: await this.#validate(name, job, step + 1),
        };
      }
      const rates = Object.values(adapters).map((one) => one.tokensPerSecond);
      const tokensPerSecond = rates.reduce((sum, rate) => sum + rate, 0);
      const report = { ...common, tokensPerSecond, adapters };
      reports.push(report);
      await this.#noteBest(report);
      await onStep?.(report);
      if ((step + 1) % saveEvery === 0) {
        await this.#save(step + 1, optimizers);
        saved = step + 1;
      }
      // So that Ctrl-C and timers are heard between two steps.
      await nextTurn();
    }
    if (saved < step) await this.#save(step, optimizers);
    return reports;
  }

  /** The step that is being made, for the counter of dropout. */
  #step = 0;

  #capturedStep(
    optimizers: readonly AdamW[],
    opened: DisposableStack,
  ): JointStep {
    const { device } = this.#model;
    const { gradientAccumulation: accumulation = 1 } = this.#options;
    const jobs = [...this.#jobs.values()];
    const counter = opened.use(device.tensor(Uint32Array.of(0)));
    return opened.use(
      new JointStep({
        ...{ device, accumulation },
        parts: jobs.map(({ parameters, options }, index) => ({
          parameters,
          optimizer: optimizers[index]!,
          maxGradientNorm: options.maxGradientNorm ?? 1,
        })),
        onBatch: (part) =>
          device.write(counter, [this.#step * accumulation + part]),
        loss: (batch) => {
          for (const job of jobs) job.setDropout(counter);
          try {
            return { losses: this.#recordLosses(batch, opened) };
          } finally {
            for (const job of jobs) job.setDropout(undefined);
          }
        },
      }),
    );
  }

  /** One pass through the model for the rows of all, then the loss of each. */
  #recordLosses(
    { ids, nextIds, parts = [] }: BatchTensors,
    opened: DisposableStack,
  ): Tensor[] {
    const adapters = opened.use(
      this.#model.device.tensor(Int32Array.from(
        parts.flatMap((rows, number) => new Array<number>(rows).fill(number)),
      )),
    );
    const stream = this.#model.hidden(ids, { adapters });
    const [, length, features] = stream.shape;
    let end = 0;
    return [...this.#jobs.values()].map(({ options }, index) => {
      const [start] = [end, end += parts[index]!];
      const { labelSmoothing = 0 } = options;
      return streamLoss(
        this.#model,
        slice(stream, [start, 0, 0], [end, length!, features!]),
        slice(nextIds, [start, 0], [end, length!]),
        { labelSmoothing },
      );
    });
  }

  async #run(
    step: number,
    captured: JointStep,
    tokens: Map<string, number>,
  ): Promise<Map<string, TrainStepResult>> {
    const { gradientAccumulation = 1 } = this.#options;
    const batches: Batch[] = [];
    for (let part = 0; part < gradientAccumulation; part++) {
      const own = [...this.#jobs].map(([name, { source }]) => {
        const batch = source.batch(step * gradientAccumulation + part);
        tokens.set(name, (tokens.get(name) ?? 0) + batch.tokens);
        return batch;
      });
      batches.push(joinBatches(own));
    }
    const jobs = [...this.#jobs.values()];
    const results = await captured.run(
      batches,
      jobs.map((job) => job.learningRate(step)),
    );
    const named = new Map(
      [...this.#jobs.keys()].map((name, index) => [name, results[index]!]),
    );
    for (const [name, { loss, gradientNorm }] of named) {
      if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) continue;
      const { learningRate = 1e-4 } = this.#jobs.get(name)!.options;
      throw new DivergenceError(
        step + 1,
        `the loss of "${name}" is ${loss} and its gradient norm ${gradientNorm}; try a lower learning rate than ${learningRate}`,
      );
    }
    return named;
  }

  async #validate(
    name: string,
    job: TrainingJob,
    step: number,
  ): Promise<number | undefined> {
    if (!job.isValidatedAfter(step)) return undefined;
    const { loss } = await evaluateLoss(this.#model, job.validation, {
      adapter: name,
    });
    job.noteValidation(step, loss);
    return loss;
  }

  async #noteBest({ step, adapters }: MultiStepReport): Promise<void> {
    const { onBest } = this.#options;
    for (const [name, { best }] of this.#jobs) {
      if (best?.step === step) await onBest?.(name, adapters[name]!);
    }
  }

  async #save(step: number, optimizers: readonly AdamW[]): Promise<void> {
    const { onSave } = this.#options;
    if (!onSave) return;
    const states: Record<string, TrainingState> = {};
    for (const [index, [name, job]] of [...this.#jobs].entries()) {
      states[name] = await job.state(step, optimizers[index]!);
    }
    await onSave(states);
  }
}

function jobOf(
  model: CausalLanguageModel,
  name: string,
  { adapter, examples, validation = [], ...own }: AdapterJob,
  { onStep: _, onBest: _best, onSave: _save, ...common }:
    MultiAdapterTrainerOptions,
): TrainingJob {
  try {
    return new TrainingJob(model, adapter, examples, validation, {
      ...own,
      ...common,
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new RangeError(`${cause.message}, for "${name}"`, { cause });
  }
}

/** The step that all adapters go on after; 0 if they begin. */
function firstStep(jobs: ReadonlyMap<string, TrainingJob>): number {
  const steps = [...jobs].map(([name, { options }]) =>
    [name, options.state?.step ?? 0] as const
  );
  const [[one, first]] = steps as [typeof steps[number]];
  for (const [name, step] of steps) {
    if (step === first) continue;
    throw new RangeError(
      `Cannot go on: "${one}" was saved after step ${first} and "${name}" after step ${step}, they must be of one step`,
    );
  }
  return first;
}
