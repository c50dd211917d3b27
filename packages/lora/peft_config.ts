import {
  Fields,
  FileFormatError,
  isJsonObject,
  joinPath,
  type JsonObject,
  readJsonObject,
} from "@wick/models";
import type { LoraConfig } from "./lora_config.ts";
import { loraConfig } from "./lora_config.ts";

/** The configuration of an adapter, and all that its file says. */
export interface PeftConfig {
  /** What Wick needs of it. */
  readonly config: LoraConfig;
  /** All of `adapter_config.json` as it stands. */
  readonly raw: JsonObject;
}

/**
 * Reads `adapter_config.json` of a PEFT adapter.
 *
 * @param folder The folder of the adapter.
 * @returns The configuration.
 * @throws {FileFormatError} If the file is missing or wrong, or asks for what
 *   Wick has not.
 */
export async function readPeftConfig(folder: string): Promise<PeftConfig> {
  const path = joinPath(folder, "adapter_config.json");
  const raw = await readJsonObject(path);
  const fields = new Fields(path, raw);
  if (fields.get("peft_type") !== "LORA") {
    fields.fail("peft_type", 'an adapter of type "LORA"');
  }
  refuseUnsupported(fields);
  const excluded = nameList(fields, "exclude_modules");
  const layers = layerList(fields, "layers_to_transform");
  const pattern = nameList(fields, "layers_pattern");
  const targets = nameList(fields, "target_modules") ??
    fields.fail("target_modules", "a list of names or a regular expression");
  try {
    const config = loraConfig({
      rank: fields.integer("r", { minimum: 1 }),
      alpha: number(fields, "lora_alpha", 8),
      dropout: number(fields, "lora_dropout", 0),
      targetModules: targets,
      rankPattern: numbers(fields, "rank_pattern"),
      alphaPattern: numbers(fields, "alpha_pattern"),
      useRslora: fields.boolean("use_rslora", false),
      useDora: fields.boolean("use_dora", false),
      init: fields.get("init_lora_weights") === "gaussian"
        ? "gaussian"
        : "kaiming",
      ...(excluded !== undefined && { excludeModules: excluded }),
      ...(layers !== undefined && { layersToTransform: layers }),
      ...(pattern !== undefined && { layersPattern: pattern }),
    });
    return { config, raw };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FileFormatError(path, cause.message, { cause });
  }
}

/**
 * Gives `adapter_config.json` for an adapter: what PEFT needs, over what an
 * earlier file said.
 *
 * @param config The adapter.
 * @param raw What an earlier file said; unknown keys are kept.
 * @returns The object to write.
 */
export function peftConfigJson(
  config: LoraConfig,
  raw: JsonObject = {},
): JsonObject {
  return {
    base_model_name_or_path: null,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: config.init !== "gaussian" || "gaussian",
    modules_to_save: null,
    task_type: "CAUSAL_LM",
    ...raw,
    peft_type: "LORA",
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    target_modules: config.targetModules,
    exclude_modules: config.excludeModules ?? null,
    layers_to_transform: config.layersToTransform ?? null,
    layers_pattern: config.layersPattern ?? null,
    rank_pattern: config.rankPattern ?? {},
    alpha_pattern: config.alphaPattern ?? {},
    use_rslora: config.useRslora ?? false,
    use_dora: config.useDora ?? false,
  };
}

/** What PEFT can write and Wick cannot use, by the value that is harmless. */
const HARMLESS = [
  ["bias", "none"],
  ["fan_in_fan_out", false],
  ["lora_bias", false],
  ["use_qalora", false],
] as const;

/**
 * Initialisations that take a part of the base's weights away: PEFT does that
 * again whenever it loads such an adapter, so on the plain base it is wrong.
 */
const CHANGES_BASE = /^(pissa|olora|corda|loftq|lora_ga)/;

function refuseUnsupported(fields: Fields): void {
  const init = fields.get("init_lora_weights");
  if (typeof init === "string" && CHANGES_BASE.test(init)) {
    fields.fail(
      "init_lora_weights",
      "one that leaves the base as it is; save the adapter in PEFT with path_initial_model_for_weight_conversion",
    );
  }
  for (const [name, harmless] of HARMLESS) {
    const value = fields.get(name) ?? harmless;
    if (value !== harmless) {
      fields.fail(
        name,
        `${JSON.stringify(harmless)}, other adapters are unknown`,
      );
    }
  }
  for (
    const name of ["modules_to_save", "target_parameters", "layer_replication"]
  ) {
    const value = fields.get(name);
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) {
      fields.fail(name, "null, other adapters are unknown");
    }
  }
}

function number(fields: Fields, name: string, fallback: number): number {
  const value = fields.get(name) ?? fallback;
  if (typeof value !== "number") fields.fail(name, "a number");
  return value;
}

function numbers(fields: Fields, name: string): Record<string, number> {
  const value = fields.get(name) ?? {};
  if (!isJsonObject(value)) fields.fail(name, "an object of numbers");
  const entries = Object.entries(value).map(([key, entry]) => {
    if (typeof entry !== "number") fields.fail(name, "an object of numbers");
    return [key, entry] as const;
  });
  return Object.fromEntries(entries);
}

function nameList(fields: Fields, name: string): string | string[] | undefined {
  const value = fields.get(name);
  if (value === undefined || typeof value === "string") return value;
  if (!Array.isArray(value)) fields.fail(name, "a name or a list of names");
  return value.map((entry: unknown) =>
    typeof entry === "string" ? entry : fields.fail(name, "a list of names")
  );
}

function layerList(fields: Fields, name: string): number[] | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  return [value].flat().map((entry) =>
    typeof entry === "number"
      ? entry
      : fields.fail(name, "a number or a list of numbers")
  );
}
