import {
  FileFormatError,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  readText,
} from "@wick/models";
import { parse } from "yaml";
import { Arguments } from "./arguments.ts";
import { mlxSchedule } from "./mlx_schedule.ts";
import { TRAIN_OPTIONS } from "./train_option_list.ts";
import { optionalSettings } from "./train_options.ts";
import { UsageError } from "./usage_error.ts";

/** A config file as options. */
export interface TrainConfig {
  /** The values by the name of the option. */
  readonly options: ReadonlyMap<string, string | boolean>;
  /** Keys that mean something to mlx-lm and nothing here. */
  readonly ignored: readonly string[];
  /** The adapters that are trained at once; none are named if absent. */
  readonly adapters?: readonly NamedOptions[];
}

/** The options of one of several adapters. */
export interface NamedOptions {
  /** Its name. */
  readonly name: string;
  /** What it has of its own, by the name of the option. */
  readonly options: ReadonlyMap<string, string | boolean>;
}

/** The options that each of several adapters can have of its own. */
export const OWN_OPTIONS: readonly string[] = [
  ...["data", "output", "adapter", "num-layers", "rank", "alpha", "dropout"],
  ...["target-modules", "rslora", "init", "seed", "batch-size", "max-length"],
  ...["group-by-length", "train-on-prompt", "learning-rate", "schedule"],
  ...["warmup-steps", "min-learning-rate", "lora-plus-ratio", "weight-decay"],
  ...["max-gradient-norm", "label-smoothing", "best"],
  ...["samples", "sample-tokens"],
];

/** What mlx-lm calls the same. */
const ALIASES: Readonly<Record<string, string>> = {
  "iters": "steps",
  "adapter-path": "output",
  "max-seq-length": "max-length",
  "steps-per-eval": "evaluate-every",
  "steps-per-report": "log-every",
  "grad-checkpoint": "gradient-checkpointing",
  "grad-accumulation-steps": "gradient-accumulation",
  "use-dora": "dora",
};

/** What mlx-lm has and what is of no use here. */
const IGNORED = [
  ...["train", "test", "test-batches", "val-batches", "clear-cache-threshold"],
  ...["report-to", "project-name", "wandb", "optimizer-config"],
];

/**
 * Reads a config file of `wick train`: YAML, or JSON if its name says so. Keys
 * are the options, with `_` or `-`, or what mlx-lm calls them.
 *
 * @param path The file.
 * @returns Its options.
 * @throws {FileFormatError} If it cannot be read, or a key or a value is none.
 */
export async function readTrainConfig(path: string): Promise<TrainConfig> {
  const text = await readText(path);
  const content = path.endsWith(".json")
    ? parseJsonObject(text, path, { refuseDuplicateKeys: true })
    : parseYaml(text, path);
  const options = new Map<string, string | boolean>();
  const ignored: string[] = [];
  let adapters: NamedOptions[] | undefined;
  for (const [key, value] of Object.entries(content)) {
    if (value === null || value === undefined) continue;
    const name = key.replaceAll("_", "-");
    if (IGNORED.includes(name)) ignored.push(key);
    else if (name === "adapters") adapters = namedOptions(value, path);
    else put(options, name, value, path);
  }
  check(options, path);
  for (const own of adapters ?? []) {
    check(new Map([...options, ...own.options]), path);
  }
  return { options, ignored, ...(adapters && { adapters }) };
}

/** Reads the list of adapters that are trained at once. */
function namedOptions(value: unknown, path: string): NamedOptions[] {
  const fail = (problem: string): never => {
    throw new FileFormatError(path, problem);
  };
  if (!Array.isArray(value) || value.length === 0) {
    return fail('"adapters" must be a list of at least one, each with a name');
  }
  const found = new Map<string, NamedOptions>();
  for (const entry of value) {
    const { name, ...rest } = isJsonObject(entry) ? entry : {};
    if (typeof name !== "string" || !/^[\w-][\w.-]*$/.test(name)) {
      return fail(
        `an adapter has the name ${
          JSON.stringify(name)
        }: it must be of letters, digits, "_", "-" and "."`,
      );
    }
    if (found.has(name)) return fail(`two adapters have the name "${name}"`);
    const options = new Map<string, string | boolean>();
    for (const [key, given] of Object.entries(rest)) {
      if (given !== null) put(options, key.replaceAll("_", "-"), given, path);
    }
    const common = [...options.keys()].find((key) =>
      !OWN_OPTIONS.includes(key)
    );
    if (common !== undefined) {
      return fail(
        `"${common}" of "${name}" is the same for all adapters: it must stand beside "adapters"`,
      );
    }
    found.set(name, { name, options });
  }
  return [...found.values()];
}

function put(
  options: Map<string, string | boolean>,
  name: string,
  value: unknown,
  path: string,
): void {
  const fail = (problem: string): never => {
    throw new FileFormatError(path, problem);
  };
  switch (name) {
    case "lora-parameters": {
      if (!isJsonObject(value)) return fail(`"${name}" has no keys of its own`);
      for (const [part, given] of Object.entries(loraOptions(value))) {
        put(options, part, given, path);
      }
      return;
    }
    case "lr-schedule":
      for (const [part, given] of mlxSchedule(value, path)) {
        options.set(part, given);
      }
      return;
    case "optimizer":
      return value === "adamw" || value === "adam"
        ? undefined
        : fail(`"optimizer" is ${String(value)}: only adamw is there`);
    case "mask-prompt":
      return void options.set("train-on-prompt", value !== true);
    case "resume-adapter-file":
      return void options.set(
        "adapter",
        String(value).replace(/[/\\][^/\\]*\.safetensors$/, ""),
      );
  }
  const option = ALIASES[name] ?? name;
  const known = TRAIN_OPTIONS.find((known) => known.name === option);
  if (!known || option === "config" || option === "resume") {
    return fail(
      `"${name}" is no option; there are ${
        TRAIN_OPTIONS.map(({ name }) => name).slice(1).join(", ")
      }`,
    );
  }
  const isFlag = known.value === undefined;
  const list = Array.isArray(value) ? value.join(",") : value;
  if (isFlag !== (typeof list === "boolean") || typeof list === "object") {
    return fail(
      `"${name}" is ${JSON.stringify(value)}: it must be ${
        isFlag ? "true or false" : known.value
      }`,
    );
  }
  options.set(option, typeof list === "boolean" ? list : String(list));
}

/** mlx-lm's scale is the multiplier itself. */
function loraOptions(
  { keys, scale, ...rest }: JsonObject,
): Record<string, unknown> {
  const { rank = 8 } = rest;
  const names = Array.isArray(keys)
    ? keys.map((key) => String(key).split(".").at(-1))
    : undefined;
  return {
    ...rest,
    ...(names && { "target-modules": names }),
    ...(typeof scale === "number" && { alpha: scale * Number(rank) }),
  };
}

function parseYaml(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = parse(text, { prettyErrors: true, logLevel: "error" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileFormatError(
      path,
      `it is not YAML (${reason.split("\n")[0]})`,
      { cause },
    );
  }
  if (isJsonObject(value)) return value;
  throw new FileFormatError(path, "it is not a list of keys with values");
}

/** Checks values where they are, so that messages name the file. */
function check(
  options: ReadonlyMap<string, string | boolean>,
  path: string,
): void {
  try {
    optionalSettings(new Arguments([], TRAIN_OPTIONS).over(options));
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    const problem = cause.message.replace(/^Cannot/, "wick cannot")
      .replaceAll("--", "");
    throw new FileFormatError(path, problem, { cause });
  }
}
