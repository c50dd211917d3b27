import { FileFormatError, joinPath, type Tokenizer } from "@wick/models";
import {
  type Example,
  packExamples,
  readExamples,
  type TokenizedExample,
} from "@wick/training";
import type { CausalLanguageModel } from "@wick/models";
import { dataDigest } from "./data_digest.ts";
import { readExamplesIfPresent, splitPath } from "./read_data.ts";
import type { ResumePoint } from "./resolve_train.ts";
import type { TrainSettings } from "./train_options.ts";
import { describeData, tokenizeData } from "./training_data.ts";

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

/** The examples of both files of a data set. */
export interface DataFiles {
  readonly train: readonly Example[];
  readonly valid: readonly Example[];
  readonly trainPath: string;
  readonly validPath: string;
}

/**
 * Reads a data set.
 *
 * @param settings Where it is.
 * @returns Its examples.
 * @throws {FileFormatError} If a file is not as it must be.
 */
export async function readData({ data }: TrainSettings): Promise<DataFiles> {
  const trainPath = splitPath(data, "train");
  const validPath = splitPath(data, "valid");
  const train = await readExamples(trainPath);
  const valid = trainPath === validPath
    ? []
    : await readExamplesIfPresent(validPath);
  return { train, valid, trainPath, validPath };
}

/**
 * Turns a data set into tokens.
 *
 * @param files The data set.
 * @param model The model.
 * @param tokenizer Its tokenizer.
 * @param settings Where examples are cut, and what of them counts.
 * @returns The tokens, and what became of the files.
 * @throws {FileFormatError} If an example is too long, or none is left.
 */
export async function tokenizeFiles(
  { train, valid, trainPath, validPath }: DataFiles,
  model: CausalLanguageModel,
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

/**
 * Refuses to go on with other data than a run was made on.
 *
 * @param checkpoint Where the run goes on from, if it does.
 * @param digest What tells the data from others.
 * @throws {FileFormatError} If the data is other.
 */
export function refuseOtherData(
  checkpoint: ResumePoint | undefined,
  digest: string,
): void {
  if (!checkpoint || checkpoint.settings["data"] === digest) return;
  throw new FileFormatError(
    joinPath(checkpoint.folder, "checkpoint.json"),
    "the run was made on other data, or data that was cut in another way, so it cannot go on; begin anew without --resume",
  );
}

/**
 * Turns epochs into steps, and packing into the length of rows.
 *
 * @param settings The settings of a run.
 * @param data Its examples.
 * @returns The settings with numbers for both.
 */
export function withSteps(
  settings: TrainSettings,
  { train }: RunData,
): TrainSettings {
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
