import {
  type Checkpoint,
  CheckpointStore,
  type StoredCheckpoint,
} from "@wick/training";
import { FileFormatError, isJsonObject, joinPath } from "@wick/models";
import { RANK_OPTIONS } from "./ranks.ts";
import type { Arguments } from "./arguments.ts";
import { readTrainConfig } from "./train_config.ts";

/** What a run goes on from. */
export type ResumePoint = Checkpoint & StoredCheckpoint;

/** The arguments of a run, whatever they come from. */
export interface ResolvedTrain {
  /** The command line over the config file over the checkpoint. */
  readonly args: Arguments;
  /** The checkpoint that the run goes on from, if there is one. */
  readonly checkpoint: ResumePoint | undefined;
  /** What the user should know. */
  readonly notes: readonly string[];
}

/** What cannot change when a run goes on, since the checkpoint would not fit. */
const FIXED = [
  ...["fine-tune-type", "dora", "num-layers", "rank", "alpha", "rslora"],
  ...["target-modules", "bias", "modules-to-save", "init", "adapter", "seed"],
  ...["quantize", "group-size"],
];

/** Options that say what to do with a run, not what it is. */
const MOMENTARY = [
  ...["config", "resume", "overwrite"],
  ...RANK_OPTIONS.map(({ name }) => name),
];

/**
 * Finds out what a run is to be: the command line, over what the config file
 * says, over what the checkpoint was made with.
 *
 * @param given The command line.
 * @returns The arguments, and the checkpoint to go on from.
 * @throws {FileFormatError} If the config file or the checkpoint is unsound, or
 *   the arguments do not fit the checkpoint.
 */
export async function resolveTrain(given: Arguments): Promise<ResolvedTrain> {
  const path = given.filled("config");
  const config = path === undefined ? undefined : await readTrainConfig(path);
  const notes = (config?.ignored ?? []).map((key) =>
    `"${key}" in ${path} is mlx-lm's and means nothing here`
  );
  const args = config ? given.over(without(config.options, given)) : given;
  if (!args.flag("resume")) return { args, checkpoint: undefined, notes };
  const output = args.required("output");
  const store = new CheckpointStore(joinPath(output, "checkpoints"), Infinity);
  const checkpoint = await store.latest();
  if (!checkpoint) {
    return {
      args,
      checkpoint,
      notes: [...notes, `no checkpoint in ${output}, so it begins at step 1`],
    };
  }
  const stored = storedOptions(checkpoint);
  const changes = changed(args, stored, checkpoint);
  return {
    args: args.over(without(stored, args)),
    checkpoint,
    notes: [
      ...notes,
      `going on after step ${checkpoint.step} of ${checkpoint.folder}`,
      ...changes,
    ],
  };
}

/**
 * Gives the options that a checkpoint is to remember.
 *
 * @param args The arguments of the run.
 * @returns The values by option.
 */
export function optionsToStore(
  args: Arguments,
): Record<string, string | boolean> {
  return Object.fromEntries(
    [...args.given].filter(([name]) => !MOMENTARY.includes(name)),
  );
}

/** Steps and epochs say the same in two ways: what stands higher counts. */
function without(
  options: ReadonlyMap<string, string | boolean>,
  over: Arguments,
): Map<string, string | boolean> {
  const rest = new Map(options);
  if (over.text("steps") !== undefined) rest.delete("epochs");
  if (over.text("epochs") !== undefined) rest.delete("steps");
  return rest;
}

function storedOptions(
  { settings, folder }: ResumePoint,
): Map<string, string | boolean> {
  const { options } = settings;
  if (!isJsonObject(options)) {
    throw new FileFormatError(
      joinPath(folder, "checkpoint.json"),
      "it was not written by wick train, so it does not say how to go on",
    );
  }
  return new Map(
    Object.entries(options).map(([name, value]) => [
      name,
      typeof value === "boolean" ? value : String(value),
    ]),
  );
}

/** Says what differs from the checkpoint, or refuses it. */
function changed(
  args: Arguments,
  stored: ReadonlyMap<string, string | boolean>,
  { folder }: ResumePoint,
): string[] {
  const notes: string[] = [];
  for (const [name, value] of args.given) {
    const before = stored.get(name);
    if (before === value || MOMENTARY.includes(name)) continue;
    if (FIXED.includes(name)) {
      throw new FileFormatError(
        folder,
        `it was made with ${name} ${
          before ?? "not given"
        }, and ${name} ${value} does not fit it: leave it out, or begin anew without --resume`,
        { action: "read" },
      );
    }
    notes.push(`${name} is ${value} now, it was ${before ?? "not given"}`);
  }
  return notes;
}
