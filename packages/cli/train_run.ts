import type { Tokenizer } from "@wick/models";
import { writeTextAtomically } from "@wick/models";
import {
  type BestValidation,
  DivergenceError,
  type StepReport,
  type TrainingState,
} from "@wick/training";
import type { Arguments } from "./arguments.ts";
import { environment, processBytes } from "./environment.ts";
import type { Io } from "./io.ts";
import { trainingReport } from "./report/training_report.ts";
import { optionsToStore, type ResumePoint } from "./resolve_train.ts";
import type { RunData } from "./run_data.ts";
import type { RunFolder } from "./run_folder.ts";
import type { TrainSettings } from "./train_options.ts";
import type { TrainedModel } from "./trained_model.ts";
import { TrainingLog } from "./training_log.ts";
import { TrainingProgress } from "./training_progress.ts";
import { completeSamples } from "./training_samples.ts";

/** What a run is made of. */
export interface TrainRunOptions {
  readonly args: Arguments;
  readonly settings: TrainSettings;
  readonly trained: TrainedModel;
  readonly tokenizer: Tokenizer;
  readonly data: RunData;
  readonly folder: RunFolder;
  readonly checkpoint: ResumePoint | undefined;
  readonly io: Io;
  /** Its name among those that are trained at once, if there are several. */
  readonly name?: string;
}

/** How far a run is. */
export interface RunProgress {
  /** Whether it ended because it was asked to. */
  readonly isStopped: boolean;
  /** Whether it ended because validation got no better. */
  readonly isStale: boolean;
  /** The best validation so far, if there was one. */
  readonly best: BestValidation | undefined;
  /** The last validation loss, if there was one. */
  readonly lastValidation: number | undefined;
}

/**
 * What is kept of a run of training in its folder: log, checkpoints, best,
 * result, report.
 */
export class TrainRun {
  readonly #options: TrainRunOptions;
  readonly #progress: TrainingProgress;
  #log: TrainingLog | undefined;
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

  /** What is trained. */
  get trained(): TrainedModel {
    return this.#options.trained;
  }

  /** Opens the log, and has the model complete prompts before it is trained. */
  async begin(): Promise<void> {
    const { folder, checkpoint } = this.#options;
    const step = checkpoint?.state.step ?? 0;
    const log = await TrainingLog.open(folder.metrics, step);
    this.#log = log;
    await this.#logStart(log);
    if (!checkpoint || !log.hasSamples) await this.#logSamples(log, "before");
    this.#began = performance.now();
  }

  /**
   * Trains, and says of a divergence which checkpoint is good.
   *
   * @param train Trains.
   * @returns What it gives.
   * @throws {DivergenceError} If the loss is no number any more; what was saved
   *   before stays.
   */
  async watch<Result>(train: () => Promise<Result>): Promise<Result> {
    try {
      return await train();
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

  /**
   * Logs a step, and shows it where this is the only run.
   *
   * @param report What the step gave.
   */
  async noteStep(report: StepReport): Promise<void> {
    const { args, trained, io, name } = this.#options;
    await this.#opened.add({
      event: "step",
      ...report,
      validationLoss: report.validationLoss ?? null,
      elapsedSeconds: (performance.now() - this.#began) / 1000,
      deviceBytes: trained.model.device.statistics().bytesInUse,
      processBytes: processBytes(),
    });
    if (args.flag("json")) {
      io.out(`${JSON.stringify({ event: "step", name, ...report })}\n`);
    } else if (name === undefined && !args.flag("quiet")) {
      this.#progress.show(report);
    }
  }

  /** Saves what is trained as the best. */
  async saveBest(): Promise<void> {
    const { folder, trained } = this.#options;
    await trained.save(folder.best);
  }

  /**
   * Saves a checkpoint, and the report so far.
   *
   * @param state Where the run is.
   * @param progress How far it is.
   */
  async save(
    state: TrainingState,
    progress: Pick<RunProgress, "isStale">,
  ): Promise<void> {
    const { folder, trained, args, settings, data } = this.#options;
    const { steps = 100 } = settings.trainer;
    const finished = state.step >= steps || progress.isStale;
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
    await this.#report();
  }

  /**
   * Puts what was trained into the folder, completes prompts with it, and says
   * where everything is.
   *
   * @param report The last step of this run, if it made one.
   * @param progress How it ended.
   */
  async end(
    report: StepReport | undefined,
    progress: RunProgress,
  ): Promise<void> {
    const { folder, trained, settings } = this.#options;
    const log = this.#opened;
    const last = report ?? lastStep(log);
    if (!last) return;
    const isBest = settings.best && progress.best !== undefined;
    if (isBest && !progress.isStopped) await folder.installBest();
    else await folder.install((path) => trained.save(path));
    if (!progress.isStopped) await this.#logSamples(log, "after");
    await this.#report();
    this.#sayEnd(last, progress, isBest);
  }

  get #opened(): TrainingLog {
    if (this.#log) return this.#log;
    throw new TypeError("Cannot log a run that has not begun");
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
    const samples = await trained.use(() =>
      completeSamples(trained.model, tokenizer, data.prompts, {
        ...settings.samples,
        signal: io.signal,
      })
    );
    if (samples.length > 0) await log.add({ event: "samples", when, samples });
  }

  async #report(): Promise<void> {
    const { folder } = this.#options;
    const page = trainingReport(folder.path, this.#opened.events);
    await writeTextAtomically(folder.report, page);
  }

  #sayEnd(
    last: {
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
    },
    progress: RunProgress,
    isBest: boolean,
  ): void {
    const { args, folder, io, trained } = this.#options;
    const { path } = folder;
    const stopped = progress.isStopped;
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
          validationLoss: progress.lastValidation ?? null,
          best: progress.best ?? null,
        })
      }\n`);
      return;
    }
    if (stopped || args.flag("quiet")) return;
    if (progress.isStale) {
      io.error(
        `ended after step ${last.step}: validation was best after step ${progress.best?.step}\n`,
      );
    }
    io.error(`report in ${folder.report}\n`);
    io.error(
      `${trained.marker === "config.json" ? "model" : "adapter"}${
        isBest ? ` of step ${progress.best?.step}` : ""
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
