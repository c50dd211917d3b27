import {
  Fields,
  FileFormatError,
  isJsonObject,
  joinPath,
  type JsonObject,
  readJsonObject,
} from "@wick/models";
import {
  type LoraBias,
  type LoraConfig,
  loraConfig,
  type LoraInit,
} from "./lora_config.ts";

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
  const whole = nameList(fields, "modules_to_save");
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
      loraBias: fields.boolean("lora_bias", false),
      bias: biasOf(fields),
      init: initOf(fields),
      ...(whole !== undefined && whole.length > 0 &&
        { modulesToSave: [whole].flat() }),
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
    fan_in_fan_out: false,
    inference_mode: true,
    task_type: "CAUSAL_LM",
    ...raw,
    peft_type: "LORA",
    init_lora_weights: initJson(config, raw["init_lora_weights"]),
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
    lora_bias: config.loraBias ?? false,
    bias: config.bias ?? "none",
    modules_to_save: config.modulesToSave ?? null,
  };
}

/** How it began; with PiSSA PEFT would change the base again. */
function initJson(config: LoraConfig, before: unknown): unknown {
  if (typeof before === "string" && before.startsWith("pissa")) return true;
  return before ?? (config.init !== "gaussian" || "gaussian");
}

/** What PEFT can write and Wick cannot use: lists and objects. */
const UNKNOWN_PARTS = [
  "target_parameters",
  "trainable_token_indices",
  "layer_replication",
  "alora_invocation_tokens",
  "arrow_config",
  "velora_config",
  "monteclora_config",
  "kasa_config",
  "use_bdlora",
] as const;

/**
 * Initialisations that take a part of the base's weights away, which only PEFT
 * can find again, since it is drawn or depends on data.
 */
const CHANGES_BASE = /^(pissa_niter|olora|corda|loftq|lora_ga)/;

function refuseUnsupported(fields: Fields): void {
  const init = fields.get("init_lora_weights");
  if (typeof init === "string" && CHANGES_BASE.test(init)) {
    fields.fail(
      "init_lora_weights",
      "one that leaves the base as it is; save the adapter in PEFT with path_initial_model_for_weight_conversion",
    );
  }
  if (fields.boolean("use_qalora", false)) {
    fields.fail("use_qalora", "false, other adapters are unknown");
  }
  if (
    fields.boolean("ensure_weight_tying", false) &&
    nameList(fields, "modules_to_save")
  ) {
    fields.fail(
      "ensure_weight_tying",
      "false beside modules_to_save: trained copies are not tied here",
    );
  }
  for (const name of UNKNOWN_PARTS) {
    const value = fields.get(name) ?? null;
    const empty = value === null ||
      (Array.isArray(value)
        ? value.length === 0
        : isJsonObject(value) && Object.keys(value).length === 0);
    if (!empty) fields.fail(name, "null, other adapters are unknown");
  }
  // Linear layers lie [out, in] in all models here, which PEFT sees too: it then
  // takes fan_in_fan_out for false, whatever the file says.
  fields.boolean("fan_in_fan_out", false);
}

function biasOf(fields: Fields): LoraBias {
  const value = fields.get("bias") ?? "none";
  return value === "none" || value === "all" || value === "lora_only"
    ? value
    : fields.fail("bias", '"none", "all" or "lora_only"');
}

function initOf(fields: Fields): LoraInit {
  const value = fields.get("init_lora_weights");
  return value === "gaussian" || value === "pissa" ? value : "kaiming";
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
