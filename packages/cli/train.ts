import { FileFormatError, joinPath, loadTokenizer } from "@wick/models";
import { type Example, packExamples, readExamples } from "@wick/training";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { dataDigest } from "./data_digest.ts";
import { followRun } from "./follow_run.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { checkGpus, type RankedIo, runRanked } from "./ranks.ts";
import { readExamplesIfPresent, splitPath } from "./read_data.ts";
import { type ResolvedTrain, resolveTrain } from "./resolve_train.ts";
import { RunFolder } from "./run_folder.ts";
import { TRAIN_OPTIONS } from "./train_option_list.ts";
import { type TrainSettings, trainSettings } from "./train_options.ts";
import { type RunData, TrainRun } from "./train_run.ts";
import {
  markerOf,
  openTrainedModel,
  type TrainedModel,
} from "./trained_model.ts";
import { describeData, tokenizeData } from "./training_data.ts";
import { untilTerminated } from "./until_terminated.ts";
import type { Tokenizer } from "@wick/models";

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
  const resolved = await resolveTrain(given);
  const { args, checkpoint, notes } = resolved;
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
  const data = await tokenized(files, trained, tokenizer, settings);
  for (const line of data.descriptions) say(line);
  refuseOtherData(resolved, data.digest);
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
  return await new TrainRun({ ...run, args, tokenizer, folder }).run();
}

/** The examples of both files. */
interface DataFiles {
  readonly train: readonly Example[];
  readonly valid: readonly Example[];
  readonly trainPath: string;
  readonly validPath: string;
}

async function readData({ data }: TrainSettings): Promise<DataFiles> {
  const trainPath = splitPath(data, "train");
  const validPath = splitPath(data, "valid");
  const train = await readExamples(trainPath);
  const valid = trainPath === validPath
    ? []
    : await readExamplesIfPresent(validPath);
  return { train, valid, trainPath, validPath };
}

async function tokenized(
  { train, valid, trainPath, validPath }: DataFiles,
  { model }: TrainedModel,
  tokenizer: Tokenizer,
  { maxLength, trainOnPrompt }: TrainSettings,
): Promise<RunData> {
  const [trainData, validData] = [[trainPath, train], [
    validPath,
    valid,
  ]] as const;
  const parts = [trainData, validData].filter(([, part]) => part.length > 0)
    .map(([path, part]) => ({
      path,
      data: tokenizeData(part, model, tokenizer, {
        ...{ path, trainOnPrompt },
        ...(maxLength !== undefined && { maxLength }),
      }),
    }));
  const [first, second] = parts;
  return {
    train: first!.data.examples,
    valid: second?.data.examples ?? [],
    prompts: valid.length > 0 ? valid : train,
    digest: await dataDigest(first!.data.examples),
    descriptions: parts.map(({ path, data }) => describeData(path, data)),
  };
}

function refuseOtherData(
  { checkpoint }: ResolvedTrain,
  digest: string,
): void {
  if (!checkpoint || checkpoint.settings["data"] === digest) return;
  throw new FileFormatError(
    joinPath(checkpoint.folder, "checkpoint.json"),
    "the run was made on other data, or data that was cut in another way, so it cannot go on; begin anew without --resume",
  );
}

/** Turns epochs into steps, and packing into the length of rows. */
function withSteps(settings: TrainSettings, { train }: RunData): TrainSettings {
  const { trainer, epochs, pack, maxLength } = settings;
  const longest = train.reduce(
    (most, { ids }) => Math.max(most, ids.length),
    2,
  );
  const packLength = pack ? maxLength ?? Math.max(512, longest) : undefined;
  const rows = packLength === undefined
    ? train.length
    : packExamples(train, packLength).length;
  const { batchSize = 8, gradientAccumulation = 1 } = trainer;
  const ofStep = batchSize * gradientAccumulation;
  return {
    ...settings,
    trainer: {
      ...trainer,
      ...(packLength !== undefined && { packLength }),
      ...(epochs !== undefined && {
        steps: Math.max(1, Math.ceil(epochs * rows / ofStep)),
      }),
    },
  };
}
