import type { Tokenizer } from "@wick/models";
import type { Communicator } from "@wick/distributed";
import { writeTextAtomically } from "@wick/models";
import {
  DivergenceError,
  type Example,
  type StepReport,
  type TokenizedExample,
  Trainer,
  type TrainingState,
} from "@wick/training";
import type { Arguments } from "./arguments.ts";
import { environment, processBytes } from "./environment.ts";
import type { Io } from "./io.ts";
import { trainingReport } from "./report/training_report.ts";
import { PATIENCE } from "./ranks.ts";
import { optionsToStore, type ResumePoint } from "./resolve_train.ts";
import type { RunFolder } from "./run_folder.ts";
import type { TrainSettings } from "./train_options.ts";
import type { TrainedModel } from "./trained_model.ts";
import { TrainingLog } from "./training_log.ts";
import { TrainingProgress } from "./training_progress.ts";
import { completeSamples } from "./training_samples.ts";

/** What a run is trained and measured on. */
export interface RunData {
  /** The examples to train on. */
  readonly train: readonly TokenizedExample[];
  /** The examples to validate on. */
  readonly valid: readonly TokenizedExample[];
  /** The examples whose prompts are completed for the report. */
  readonly prompts: readonly Example[];
  /** What tells the training data from others. */
  readonly digest: string;
  /** What became of the files, a line each. */
  readonly descriptions: readonly string[];
}

/** What a run is made of. */
export interface TrainRunOptions {
  readonly args: Arguments;
  readonly settings: TrainSettings;
  readonly trained: TrainedModel;
  readonly tokenizer: Tokenizer;
  readonly data: RunData;
  readonly folder: RunFolder;
  readonly checkpoint: ResumePoint | undefined;
  readonly communicator: Communicator;
  readonly io: Io;
}

/** A run of training, with its folder: log, checkpoints, best, result, report. */
export class TrainRun {
  readonly #options: TrainRunOptions;
  readonly #progress: TrainingProgress;
  #began = 0;

  /**
   * Prepares a run.
   *
   * @param options What it is made of; the folder is prepared.
   */
  constructor(options: TrainRunOptions) {
    const { io, settings: { logEvery } } = options;
    this.#options = options;
    this.#progress = new TrainingProgress(io, {
      ...(logEvery !== undefined && { every: logEvery }),
    });
  }

  /**
   * Trains, and saves what comes of it.
   *
   * @returns The exit code.
   * @throws {DivergenceError} If the loss is no number any more; what was saved
   *   before stays.
   */
  async run(): Promise<number> {
    const { folder, checkpoint, trained, io, data } = this.#options;
    const { trainer: options } = this.#options.settings;
    const { communicator } = this.#options;
    const log = await TrainingLog.open(
      folder.metrics,
      checkpoint?.state.step ?? 0,
    );
    await this.#logStart(log);
    if (!checkpoint || !log.hasSamples) await this.#logSamples(log, "before");
    await communicator.barrier(PATIENCE);
    const trainer: Trainer = new Trainer(
      trained.model,
      trained.trainable,
      data.train,
      data.valid,
      {
        ...options,
        communicator,
        signal: io.signal,
        ...(checkpoint && { state: checkpoint.state }),
        onStep: (report) => this.#noteStep(log, report),
        onBest: () => this.#saveBest(),
        onSave: async (state) => {
          await this.#save(state, trainer);
          await this.#report(log);
        },
      },
    );
    this.#began = performance.now();
    const reports = await this.#train(trainer);
    const last = reports.at(-1) ?? lastStep(log);
    const stopped = trainer.isStopped;
    if (!last) return 130;
    const isBest = this.#options.settings.best && trainer.best !== undefined;
    if (isBest && !stopped) await folder.installBest();
    else await folder.install((path) => trained.save(path));
    if (!stopped) await this.#logSamples(log, "after");
    await this.#report(log);
    this.#sayEnd(last, trainer, isBest);
    return stopped ? 130 : 0;
  }

  async #train(trainer: Trainer): Promise<StepReport[]> {
    try {
      return await trainer.run();
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      const last = (await this.#options.folder.checkpoints.list()).at(-1);
      throw new DivergenceError(
        error.step,
        `${error.message.replace(/^Cannot[^:]*: /, "")}; ${
          last
            ? `${last.folder} is the last good checkpoint`
            : "no checkpoint was saved yet"
        }`,
      );
    } finally {
      this.#progress.end();
    }
  }

  async #logStart(log: TrainingLog): Promise<void> {
    const { args, settings, trained, data } = this.#options;
    await log.add({
      event: "start",
      settings: {
        ...optionsToStore(args),
        steps: settings.trainer.steps ?? 100,
        trained: trained.summary,
        "training data": data.descriptions[0],
        ...(data.descriptions[1] && {
          "validation data": data.descriptions[1],
        }),
      },
      environment: environment(trained.model.device),
    });
  }

  async #logSamples(log: TrainingLog, when: "before" | "after"): Promise<void> {
    const { trained, tokenizer, data, io, settings } = this.#options;
    if (settings.samples.count === 0) return;
    const samples = await completeSamples(
      trained.model,
      tokenizer,
      data.prompts,
      { ...settings.samples, signal: io.signal },
    );
    if (samples.length > 0) await log.add({ event: "samples", when, samples });
  }

  async #noteStep(log: TrainingLog, report: StepReport): Promise<void> {
    const { args, trained, io } = this.#options;
    await log.add({
      event: "step",
      ...report,
      validationLoss: report.validationLoss ?? null,
      elapsedSeconds: (performance.now() - this.#began) / 1000,
      deviceBytes: trained.model.device.statistics().bytesInUse,
      processBytes: processBytes(),
    });
    if (args.flag("json")) {
      io.out(`${JSON.stringify({ event: "step", ...report })}\n`);
    } else if (!args.flag("quiet")) this.#progress.show(report);
  }

  async #report(log: TrainingLog): Promise<void> {
    const { folder } = this.#options;
    const page = trainingReport(folder.path, log.events);
    await writeTextAtomically(folder.report, page);
  }

  async #saveBest(): Promise<void> {
    const { folder, trained } = this.#options;
    await trained.save(folder.best);
  }

  async #save(state: TrainingState, trainer: Trainer): Promise<void> {
    const { folder, trained, args, settings, data } = this.#options;
    const { steps = 100 } = settings.trainer;
    const finished = state.step >= steps || trainer.isStale;
    const { parameters } = trained.trainable;
    await folder.save(state, {
      settings: { options: optionsToStore(args), data: data.digest },
      shapes: new Map(
        [...parameters].map(([name, { shape }]) => [name, shape]),
      ),
      also: async (path) => {
        if (finished) await Deno.writeTextFile(`${path}/finished`, "");
      },
    });
  }

  #sayEnd(
    last: {
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
    },
    trainer: Trainer,
    isBest: boolean,
  ): void {
    const { args, folder, io, trained } = this.#options;
    const { path } = folder;
    const stopped = trainer.isStopped;
    if (stopped) {
      io.error(
        `wick: stopped after step ${last.step} of ${last.steps}; ${path} holds what was trained as it is, --resume goes on\n`,
      );
    }
    if (args.flag("json")) {
      io.out(`${
        JSON.stringify({
          event: "saved",
          adapter: path,
          device: trained.model.device.name,
          steps: last.step,
          loss: last.loss,
          validationLoss: trainer.lastValidation ?? null,
          best: trainer.best ?? null,
        })
      }\n`);
      return;
    }
    if (stopped || args.flag("quiet")) return;
    if (trainer.isStale) {
      io.error(
        `ended after step ${last.step}: validation was best after step ${trainer.best?.step}\n`,
      );
    }
    io.error(`report in ${folder.report}\n`);
    io.error(
      `${trained.marker === "config.json" ? "model" : "adapter"}${
        isBest ? ` of step ${trainer.best?.step}` : ""
      } saved in ${path}\n`,
    );
  }
}

/** The last step of a run that was complete before. */
function lastStep(
  log: TrainingLog,
): { step: number; steps: number; loss: number } | undefined {
  return log.events.findLast((event) => event.event === "step");
}
