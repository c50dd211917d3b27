import type { Communicator } from "@wick/distributed";
import { CausalLanguageModel, loadTokenizer } from "@wick/models";
import {
  type AdapterJob,
  MultiAdapterTrainer,
  type MultiStepReport,
} from "@wick/training";
import type { Arguments } from "./arguments.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import type { ResolvedAdapter } from "./resolve_train.ts";
import {
  readData,
  refuseOtherData,
  type RunData,
  tokenizeFiles,
} from "./run_data.ts";
import { RunFolder } from "./run_folder.ts";
import { type TrainSettings, trainSettings } from "./train_options.ts";
import { TrainRun } from "./train_run.ts";
import { markerOf, openAdapterBeside } from "./trained_model.ts";
import { TrainingProgress } from "./training_progress.ts";
import { UsageError } from "./usage_error.ts";

/** What several adapters are trained with. */
export interface TrainAdaptersOptions {
  /** The arguments that all have. */
  readonly args: Arguments;
  /** What the user should know. */
  readonly notes: readonly string[];
  /** The ranks, of which there may be one only. */
  readonly communicator: Communicator;
  /** Where it writes. */
  readonly io: Io;
}

// Some adapters may have saved a step when a kill comes, and others not: the
// one before must be there.
const LEAST_CHECKPOINTS = 2;

/**
 * Trains several adapters at once on one model, each in a folder of its own, as
 * if it had been trained alone.
 *
 * @param adapters The adapters.
 * @param options What they are trained with.
 * @returns The exit code.
 */
export async function trainAdapters(
  adapters: readonly ResolvedAdapter[],
  { args, notes, communicator, io }: TrainAdaptersOptions,
): Promise<number> {
  const quiet = args.flag("quiet");
  const say = (text: string): void => quiet ? undefined : io.error(`${text}\n`);
  const all = adapters.map((own) => ({
    ...own,
    settings: trainSettings(own.args),
  }));
  for (const { settings, name } of all) refuseOthers(settings, name);
  if (communicator.size > 1) {
    throw new UsageError(
      `Cannot train several adapters on ${communicator.size} ranks: start it without mpirun, or train each alone`,
    );
  }
  for (const note of notes) say(note);
  const common = all[0]!.settings;
  using opened = new DisposableStack();
  const device = opened.use(await openNamedDevice(args, io));
  const read = [];
  for (const { settings } of all) read.push(await readData(settings));
  const tokenizer = await loadTokenizer(common.model);
  const model = opened.use(
    await CausalLanguageModel.load(device, common.model, {
      ...(common.quantize && { quantize: common.quantize }),
    }),
  );
  const runs = new Map<string, TrainRun>();
  const jobs: Record<string, AdapterJob> = {};
  // Where a run that goes on begins anew, some may have saved a step alone.
  const overwrite = args.flag("overwrite") || args.flag("resume");
  for (const [index, { name, settings, ...own }] of all.entries()) {
    const data = await tokenizeFiles(read[index]!, model, tokenizer, settings);
    for (const line of data.descriptions) say(`${name}: ${line}`);
    refuseOtherData(own.checkpoint, data.digest);
    const trained = await openAdapterBeside(model, settings, opened);
    const folder = new RunFolder(
      settings.output,
      markerOf(settings),
      Math.max(LEAST_CHECKPOINTS, settings.keepCheckpoints),
    );
    await folder.prepare({ checkpoint: own.checkpoint, overwrite });
    say(`${name}: ${trained.summary}`);
    runs.set(
      name,
      new TrainRun({
        ...own,
        ...{ settings, trained, tokenizer, data, folder, io, name },
      }),
    );
    jobs[name] = jobOf(trained.trainable, settings, data, own);
  }
  for (const run of runs.values()) await run.begin();
  return await train(model, jobs, runs, { settings: common, args, io });
}

function jobOf(
  adapter: AdapterJob["adapter"],
  { trainer }: TrainSettings,
  { train, valid }: RunData,
  { checkpoint }: Pick<ResolvedAdapter, "checkpoint">,
): AdapterJob {
  const {
    steps: _,
    gradientAccumulation: _accumulation,
    evaluateEvery: _evaluate,
    saveEvery: _save,
    gradientCheckpointing: _checkpointing,
    ...own
  } = trainer;
  return {
    ...own,
    ...{ adapter, examples: train, validation: valid },
    ...(checkpoint && { state: checkpoint.state }),
  };
}

async function train(
  model: CausalLanguageModel,
  jobs: Readonly<Record<string, AdapterJob>>,
  runs: ReadonlyMap<string, TrainRun>,
  { settings, args, io }: {
    readonly settings: TrainSettings;
    readonly args: Arguments;
    readonly io: Io;
  },
): Promise<number> {
  const { steps, gradientAccumulation, evaluateEvery, saveEvery } =
    settings.trainer;
  const { logEvery } = settings;
  const progress = new TrainingProgress(io, {
    ...(logEvery !== undefined && { every: logEvery }),
  });
  const shows = !args.flag("json") && !args.flag("quiet");
  const trainer = new MultiAdapterTrainer(model, jobs, {
    ...(steps !== undefined && { steps }),
    ...(gradientAccumulation !== undefined && { gradientAccumulation }),
    ...(evaluateEvery !== undefined && { evaluateEvery }),
    ...(saveEvery !== undefined && { saveEvery }),
    signal: io.signal,
    async onStep(report) {
      for (const [name, run] of runs) {
        await run.noteStep(report.adapters[name]!);
      }
      if (shows) show(progress, report);
    },
    onBest: (name) => runs.get(name)!.saveBest(),
    async onSave(states) {
      for (const [name, run] of runs) {
        await run.save(states[name]!, { isStale: false });
      }
    },
  });
  const [first] = runs.values();
  let reports: MultiStepReport[];
  try {
    reports = await first!.watch(() => trainer.run());
  } finally {
    progress.end();
  }
  const { isStopped } = trainer;
  for (const [name, run] of runs) {
    await run.end(reports.at(-1)?.adapters[name], {
      ...trainer.progress(name),
      ...{ isStopped, isStale: false },
    });
  }
  return isStopped ? 130 : 0;
}

/** Shows a step in a line with the loss of each adapter. */
function show(progress: TrainingProgress, report: MultiStepReport): void {
  const named = Object.entries(report.adapters);
  const of = (loss: (name: string) => number | undefined): string =>
    named.flatMap(([name]) => {
      const value = loss(name);
      return value === undefined ? [] : [`${name} ${value.toFixed(4)}`];
    }).join("  ");
  progress.show(report, of((name) => report.adapters[name]!.loss));
  const validation = of((name) => report.adapters[name]!.validationLoss);
  if (validation !== "") progress.say(`validation loss  ${validation}`);
}

/** What cannot be different from row to row, or is not there for several. */
function refuseOthers(settings: TrainSettings, name: string): void {
  const { kind, lora, trainer, epochs, pack } = settings;
  const refused = kind !== "lora"
    ? `--fine-tune-type ${kind}`
    : lora.init === "pissa"
    ? "--init pissa"
    : lora.bias !== undefined && lora.bias !== "none"
    ? `--bias ${lora.bias}`
    : lora.modulesToSave
    ? "--modules-to-save"
    : pack
    ? "--pack"
    : trainer.gradientCheckpointing
    ? "--gradient-checkpointing"
    : trainer.patience !== undefined
    ? "--patience"
    : epochs !== undefined
    ? "--epochs"
    : undefined;
  if (refused === undefined) return;
  throw new UsageError(
    `Cannot train "${name}" beside other adapters with ${refused}: train it alone, or leave that out`,
  );
}
