import {
  type Checkpoint,
  CheckpointStore,
  readCheckpoint,
  type StoredCheckpoint,
} from "@wick/training";
import { FileFormatError, isJsonObject, joinPath } from "@wick/models";
import { RANK_OPTIONS } from "./ranks.ts";
import type { Arguments } from "./arguments.ts";
import {
  type NamedOptions,
  readTrainConfig,
  type TrainConfig,
} from "./train_config.ts";
import { UsageError } from "./usage_error.ts";

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
  /** The adapters that are trained at once; one run if absent. */
  readonly adapters?: readonly ResolvedAdapter[];
}

/** The arguments of one of several adapters that are trained at once. */
export interface ResolvedAdapter {
  /** Its name. */
  readonly name: string;
  /** The command line over the config file over the checkpoint. */
  readonly args: Arguments;
  /** The checkpoint that it goes on from: all go on after the same step. */
  readonly checkpoint: ResumePoint | undefined;
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
  if (config?.adapters) {
    const own = ownArguments(args, given, config, config.adapters);
    return await resolveAdapters(args, own, notes);
  }
  if (!args.flag("resume")) return { args, checkpoint: undefined, notes };
  const output = args.required("output");
  const checkpoint = await storeIn(output).latest();
  if (!checkpoint) {
    return {
      args,
      checkpoint,
      notes: [...notes, `no checkpoint in ${output}, so it begins at step 1`],
    };
  }
  const resumed = resume(args, checkpoint);
  return { ...resumed, checkpoint, notes: [...notes, ...resumed.notes] };
}

/** The arguments of each adapter: its own, over those of all. */
function ownArguments(
  args: Arguments,
  given: Arguments,
  { options }: TrainConfig,
  adapters: readonly NamedOptions[],
): ReadonlyMap<string, Arguments> {
  const outputs = new Map<string, string>();
  return new Map(
    adapters.map(({ name, options: own }) => {
      const output = String(
        own.get("output") ?? joinPath(args.required("output"), name),
      );
      const other = outputs.get(output);
      if (other !== undefined) {
        throw new UsageError(
          `Cannot train "${other}" and "${name}" in ${output}: each needs a folder of its own`,
        );
      }
      outputs.set(output, name);
      const data = own.get("data");
      // Where it lies is its own, whatever the command line says of all.
      const places = new Map([
        ["output", output],
        ...(data === undefined ? [] : [["data", data] as const]),
      ]);
      const both = new Map([...options, ...own]);
      return [name, given.over(without(both, given)).under(places)];
    }),
  );
}

async function resolveAdapters(
  args: Arguments,
  own: ReadonlyMap<string, Arguments>,
  notes: readonly string[],
): Promise<ResolvedTrain> {
  const begun = [...own].map(([name, args]) => ({
    ...{ name, args, checkpoint: undefined },
  }));
  if (!args.flag("resume")) {
    return { args, checkpoint: undefined, notes, adapters: begun };
  }
  const lists: StoredCheckpoint[][] = [];
  for (const own of begun) {
    lists.push(await storeIn(own.args.required("output")).list());
  }
  // A kill may have come when some had saved a step and others had not.
  const common = lists[0]!.findLast(({ step }) =>
    lists.every((list) => list.some((stored) => stored.step === step))
  );
  if (!common) {
    return {
      ...{ args, checkpoint: undefined, adapters: begun },
      notes: [
        ...notes,
        "no checkpoint that all adapters have, so they begin at step 1",
      ],
    };
  }
  const { step } = common;
  const adapters: ResolvedAdapter[] = [];
  const changes: string[] = [];
  for (const [index, { name, args }] of begun.entries()) {
    const stored = lists[index]!.find((one) => one.step === step)!;
    const checkpoint = { ...stored, ...await readCheckpoint(stored.folder) };
    const resumed = resume(args, checkpoint);
    adapters.push({ name, args: resumed.args, checkpoint });
    changes.push(...resumed.notes);
  }
  return {
    ...{ args, checkpoint: undefined, adapters },
    notes: [...notes, ...changes],
  };
}

function storeIn(output: string): CheckpointStore {
  return new CheckpointStore(joinPath(output, "checkpoints"), Infinity);
}

/** The arguments over those that a checkpoint was made with. */
function resume(
  args: Arguments,
  checkpoint: ResumePoint,
): { readonly args: Arguments; readonly notes: readonly string[] } {
  const stored = storedOptions(checkpoint);
  const changes = changed(args, stored, checkpoint);
  return {
    args: args.over(without(stored, args)),
    notes: [
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
