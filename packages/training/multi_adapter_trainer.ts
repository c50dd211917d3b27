import { nextTurn } from "@wick/async-exec";
import { AdapterMix, type DropoutSource, type LoraAdapter } from "@wick/lora";
import type { CausalLanguageModel } from "@wick/models";
import { AdamW } from "./adamw.ts";
import { BatchSource } from "./batch_source.ts";
import { checkLengths } from "./check_lengths.ts";
import { DivergenceError } from "./divergence_error.ts";
import type { TokenizedExample } from "./example.ts";
import { loraPlusRates } from "./lora_plus_rates.ts";
import { MultiAdapterStep } from "./multi_adapter_step.ts";
import { learningRateAt } from "./schedule.ts";
import type { TrainStepResult } from "./train_step.ts";
import {
  checkTrainerOptions,
  type StepReport,
  type TrainerOptions,
} from "./trainer_options.ts";

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
  | "seed"
>;

/** One of several adapters that are trained at once. */
export interface AdapterJob extends AdapterTrainerOptions {
  /** The adapter. */
  readonly adapter: LoraAdapter;
  /** What it is trained on, at least one. */
  readonly examples: readonly TokenizedExample[];
}

/** What a step gave of one of several adapters. */
export interface AdapterReport extends TrainStepResult {
  /** The learning rate. */
  readonly learningRate: number;
}

/** What a step of several adapters gave. */
export interface MultiStepReport
  extends
    Pick<StepReport, "step" | "steps" | "tokensPerSecond" | "secondsLeft"> {
  /** What it gave of each adapter, by name. */
  readonly adapters: Readonly<Record<string, AdapterReport>>;
}

/** Options of {@linkcode MultiAdapterTrainer}. */
export interface MultiAdapterTrainerOptions {
  /** Steps in all; 100 if absent. */
  readonly steps?: number;
  /** Called after each step. */
  readonly onStep?: (report: MultiStepReport) => void | Promise<void>;
  /** Stops after the current step when it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * Trains several adapters at once on one frozen model, each on data of its own,
 * with a rank, layers and a learning rate of its own. The rows of all are one
 * batch, so the model's weights are read once for all. Each adapter ends as if
 * it had been trained alone, but for rounding, and for which inputs its dropout
 * takes.
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
  readonly #jobs: readonly (readonly [name: string, job: AdapterJob])[];
  readonly #sources: readonly BatchSource[];
  readonly #options: MultiAdapterTrainerOptions;

  /**
   * Makes a trainer; {@linkcode MultiAdapterTrainer.run} runs it.
   *
   * @param model The model that the adapters are for.
   * @param jobs The adapters by name, and how each is trained.
   * @param options Steps in all.
   * @throws {RangeError} If an example is longer than the model's positions, an
   *   option is outside its range, or there is no adapter.
   */
  constructor(
    model: CausalLanguageModel,
    jobs: Readonly<Record<string, AdapterJob>>,
    options: MultiAdapterTrainerOptions = {},
  ) {
    const { steps = 100 } = options;
    const { maxPositions } = model.config;
    this.#model = model;
    this.#jobs = Object.entries(jobs);
    this.#options = options;
    if (this.#jobs.length === 0) {
      throw new RangeError("Cannot train no adapters: name at least one");
    }
    this.#sources = this.#jobs.map(([name, job]) => {
      const { adapter: _, examples, ...own } = job;
      try {
        checkTrainerOptions({ ...own, steps });
        checkLengths(examples, maxPositions);
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new RangeError(`${cause.message}, for "${name}"`, { cause });
      }
      const { batchSize = 8, seed = 0 } = job;
      return new BatchSource(examples, {
        batchSize,
        seed,
        maxLength: maxPositions,
      });
    });
  }

  /**
   * Trains. The adapters are in the model while it runs, and out of it after.
   *
   * @returns The report of every step.
   * @throws {RangeError} If an adapter cannot be mixed with others, or another
   *   one is in the model.
   * @throws {DivergenceError} If a loss or a gradient is no number any more. The
   *   adapter that it is of was not updated then.
   */
  async run(): Promise<MultiStepReport[]> {
    const { device } = this.#model;
    const { steps = 100, signal, onStep } = this.#options;
    using opened = new DisposableStack();
    const counter = opened.use(device.tensor(Uint32Array.of(0)));
    opened.use(
      new AdapterMix(
        this.#model,
        Object.fromEntries(
          this.#jobs.map(([name, { adapter }]) => [name, adapter]),
        ),
      ),
    );
    const adapters = this.#jobs.map(([, job]) => {
      const { adapter, weightDecay = 0, loraPlusRatio = 1 } = job;
      const { maxGradientNorm = 1, labelSmoothing = 0 } = job;
      const parameters = [...adapter.parameters.values()];
      const rates = loraPlusRates(
        [...adapter.parameters.keys()],
        loraPlusRatio,
      );
      const optimizer = opened.use(
        new AdamW(device, parameters, { weightDecay, rates }),
      );
      return { parameters, optimizer, maxGradientNorm, labelSmoothing };
    });
    opened.defer(() => this.#jobs.forEach(([, job]) => setDropout(job)));
    for (const [, job] of this.#jobs) {
      setDropout(job, (seed) => ({ seed, counter }));
    }
    const captured = opened.use(new MultiAdapterStep(this.#model, adapters));
    const reports: MultiStepReport[] = [];
    const began = performance.now();
    let tokens = 0;
    for (let step = 0; step < steps && !signal?.aborted; step++) {
      device.write(counter, [step]);
      const batches = this.#sources.map((source) => source.batch(step));
      tokens += batches.reduce((total, batch) => total + batch.tokens, 0);
      const rates = this.#jobs.map(([, job]) => rateOf(job, step, steps));
      const results = await captured.run(batches, rates);
      this.#refuseDivergence(step, results);
      const seconds = (performance.now() - began) / 1000;
      const report: MultiStepReport = {
        step: step + 1,
        steps,
        tokensPerSecond: tokens / seconds,
        secondsLeft: seconds / (step + 1) * (steps - step - 1),
        adapters: Object.fromEntries(
          this.#jobs.map(([name], index) => [
            name,
            { ...results[index]!, learningRate: rates[index]! },
          ]),
        ),
      };
      reports.push(report);
      await onStep?.(report);
      // So that Ctrl-C and timers are heard between two steps.
      await nextTurn();
    }
    return reports;
  }

  #refuseDivergence(step: number, results: readonly TrainStepResult[]): void {
    results.forEach(({ loss, gradientNorm }, index) => {
      if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
      const [name, { learningRate = 1e-4 }] = this.#jobs[index]!;
      throw new DivergenceError(
        step + 1,
        `the loss of "${name}" is ${loss} and its gradient norm ${gradientNorm}; try a lower learning rate than ${learningRate}`,
      );
    });
  }
}

function rateOf(job: AdapterJob, step: number, steps: number): number {
  const { schedule: kind = "linear", warmupSteps = 0 } = job;
  const { learningRate = 1e-4, minLearningRate = 0 } = job;
  const least = minLearningRate * learningRate;
  return learningRateAt(
    { kind, learningRate, warmupSteps, steps, least },
    step,
  );
}

/** What is recorded from now on drops inputs of an adapter, or does not. */
function setDropout(
  { adapter, seed = 0 }: AdapterJob,
  source?: (seed: number) => DropoutSource,
): void {
  let index = 0;
  for (const layer of adapter.layers.values()) {
    layer.dropoutSource = source?.(seed * 65536 + index++);
  }
}
