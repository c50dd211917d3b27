import { loadTokenizer } from "@wick/models";
import { Trainer } from "@wick/training";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { followRun } from "./follow_run.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { checkGpus, PATIENCE, type RankedIo, runRanked } from "./ranks.ts";
import { resolveTrain } from "./resolve_train.ts";
import {
  readData,
  refuseOtherData,
  tokenizeFiles,
  withSteps,
} from "./run_data.ts";
import { RunFolder } from "./run_folder.ts";
import { TRAIN_OPTIONS } from "./train_option_list.ts";
import { trainAdapters } from "./train_adapters.ts";
import { trainSettings } from "./train_options.ts";
import { TrainRun } from "./train_run.ts";
import { markerOf, openTrainedModel } from "./trained_model.ts";
import { untilTerminated } from "./until_terminated.ts";

/** `wick train`. */
export const TRAIN: Command = {
  name: "train",
  summary: "trains an adapter, or the model itself, on a data set",
  usage: "--model DIR --data DIR --output DIR [options]",
  options: TRAIN_OPTIONS,
  examples: [
    "--model examples/tickets/base-model --data examples/tickets/base-model --output out/tickets",
    "--model DIR --data DIR --output DIR --rank 16 --target-modules q_proj,v_proj --steps 300",
    "--config train.yaml --learning-rate 1e-4",
    "--output DIR --resume",
    "--model DIR --data DIR --output DIR --pack --max-length 1024 --gradient-checkpointing",
    "--model DIR --data DIR --output DIR --evaluate-every 50 --patience 3",
    "--model DIR --data DIR --output DIR --fine-tune-type full --num-layers 4",
    "--model DIR --data DIR --output DIR --gpu-per-rank   (under mpirun -np N)",
  ],
  run: train,
};

async function train(given: Arguments, io: Io): Promise<number> {
  using stoppable = untilTerminated(io);
  return await runRanked(
    given,
    stoppable,
    (ranked) => trainRank(given, ranked),
  );
}

async function trainRank(
  given: Arguments,
  { communicator, io }: RankedIo,
): Promise<number> {
  const { args, checkpoint, notes, adapters } = await resolveTrain(given);
  if (adapters) {
    return await trainAdapters(adapters, { args, notes, communicator, io });
  }
  const settings = trainSettings(args);
  const say = (text: string): void =>
    args.flag("quiet") ? undefined : io.error(`${text}\n`);
  for (const note of notes) say(note);
  using opened = new DisposableStack();
  const device = opened.use(await openNamedDevice(args, io));
  await checkGpus(args, communicator, device);
  if (communicator.size > 1) {
    say(`${communicator.size} ranks, ${communicator.description}`);
  }
  const files = await readData(settings);
  const tokenizer = await loadTokenizer(settings.model);
  const trained = await openTrainedModel(device, settings, opened);
  const data = await tokenizeFiles(
    files,
    trained.model,
    tokenizer,
    settings,
  );
  for (const line of data.descriptions) say(line);
  refuseOtherData(checkpoint, data.digest);
  const run = {
    ...{ settings: withSteps(settings, data), trained, data },
    ...{ checkpoint, communicator, io },
  };
  if (communicator.rank > 0) return await followRun(run);
  const folder = new RunFolder(
    settings.output,
    markerOf(settings),
    settings.keepCheckpoints,
  );
  await folder.prepare({ checkpoint, overwrite: args.flag("overwrite") });
  say(trained.summary);
  const kept = new TrainRun({ ...run, args, tokenizer, folder });
  await kept.begin();
  await communicator.barrier(PATIENCE);
  const trainer: Trainer = new Trainer(
    trained.model,
    trained.trainable,
    data.train,
    data.valid,
    {
      ...run.settings.trainer,
      communicator,
      signal: io.signal,
      ...(checkpoint && { state: checkpoint.state }),
      onStep: (report) => kept.noteStep(report),
      onBest: () => kept.saveBest(),
      onSave: (state) => kept.save(state, trainer),
    },
  );
  const reports = await kept.watch(() => trainer.run());
  await kept.end(reports.at(-1), trainer);
  return trainer.isStopped ? 130 : 0;
}
