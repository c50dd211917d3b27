import {
  type CausalLanguageModel,
  Fields,
  isJsonObject,
  joinPath,
  type JsonObject,
  readJsonObject,
  writeFolderAtomically,
  writeSafetensors,
  writeTextAtomically,
} from "@wick/models";
import { MLX_LAYOUT } from "./adapter_layout.ts";
import {
  adapterTensors,
  injectTensors,
  type LoadAdapterOptions,
} from "./adapter_tensors.ts";
import type { LoraAdapter } from "./lora_adapter.ts";
import { type LoraConfig, loraConfig } from "./lora_config.ts";

/**
 * Puts an adapter of mlx-lm into a model. Which layers it adapts, its tensors
 * say: mlx-lm leaves out of the file what it did not train.
 *
 * @param model The model it was trained on.
 * @param folder The folder with `adapter_config.json` and
 *   `adapters.safetensors`.
 * @param options Whether it is trained further.
 * @returns The adapter.
 * @throws {FileFormatError} If a file is missing or wrong, or the adapter is one
 *   for another model; the message names the file.
 */
export async function loadMlxAdapter(
  model: CausalLanguageModel,
  folder: string,
  options: LoadAdapterOptions = {},
): Promise<LoraAdapter> {
  const config = await readMlxConfig(folder);
  const end = `.${MLX_LAYOUT.ends.a}`;
  return await injectTensors(
    model,
    folder,
    MLX_LAYOUT,
    (names) => {
      const targetModules = names.filter((name) => name.endsWith(end))
        .map((name) => name.slice(0, -end.length));
      if (targetModules.length === 0) {
        throw new RangeError(
          `Cannot adapt a model with no tensor that ends in ${end}`,
        );
      }
      return loraConfig({ ...config, targetModules });
    },
    options,
  );
}

/**
 * Reads `adapter_config.json` of an adapter of mlx-lm.
 *
 * @param folder The folder of the adapter.
 * @returns Rank, alpha, dropout and whether it is DoRA; which layers, only the
 *   tensors say.
 * @throws {FileFormatError} If the file is missing or wrong, or is that of a
 *   full fine-tuning.
 */
export async function readMlxConfig(
  folder: string,
): Promise<Partial<LoraConfig>> {
  const path = joinPath(folder, "adapter_config.json");
  const raw = await readJsonObject(path);
  const fields = new Fields(path, raw);
  const type = fields.get("fine_tune_type") ?? "lora";
  if (type !== "lora" && type !== "dora") {
    fields.fail("fine_tune_type", '"lora" or "dora"');
  }
  const found = fields.get("lora_parameters");
  const parameters = isJsonObject(found)
    ? found
    : fields.fail("lora_parameters", "an object with rank and scale");
  const lora = new Fields(path, parameters, "lora_parameters.");
  const rank = lora.integer("rank", { minimum: 1 });
  const scale = finite(lora, "scale", undefined);
  const dropout = finite(lora, "dropout", 0);
  if (!(dropout >= 0 && dropout < 1)) {
    lora.fail("dropout", "from 0 to less than 1");
  }
  // The scale there is the multiplier itself.
  return { rank, alpha: scale * rank, dropout, useDora: type === "dora" };
}

function finite(
  fields: Fields,
  name: string,
  fallback: number | undefined,
): number {
  const value = fields.get(name) ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    fields.fail(name, "a finite number");
  }
  return value;
}

/** The path of a layer inside a decoder layer. */
const LAYER = /^model\.layers\.(\d+)\.(.+)$/;

/**
 * Writes an adapter as mlx-lm does. The folder appears whole or not at all.
 *
 * @param adapter The adapter.
 * @param folder The folder, which is replaced if it is there.
 * @throws {RangeError} If its layers differ in rank or scaling, or it has more
 *   than A and B, for which mlx-lm has no words.
 * @throws {FileFormatError} If the folder cannot be written.
 */
export async function saveMlxAdapter(
  adapter: LoraAdapter,
  folder: string,
): Promise<void> {
  const config = mlxConfigJson(adapter);
  const tensors = await adapterTensors(adapter, MLX_LAYOUT);
  await writeFolderAtomically(folder, async (temporary) => {
    await writeSafetensors(joinPath(temporary, MLX_LAYOUT.file), tensors);
    await writeTextAtomically(
      joinPath(temporary, "adapter_config.json"),
      `${JSON.stringify(config, null, 2)}\n`,
    );
  });
}

function mlxConfigJson(adapter: LoraAdapter): JsonObject {
  const beside = adapter.config.loraBias
    ? "a bias of B"
    : [...adapter.weights.keys()][0] ??
      [...adapter.layers.keys()].find((path) => !LAYER.test(path));
  if (beside !== undefined) {
    throw new RangeError(
      `Cannot write an adapter with ${beside} for mlx-lm: it knows A and B of decoder layers only, use the format of PEFT`,
    );
  }
  const configs = [...adapter.layers.values()].map(({ config, plain }) => ({
    ...config,
    rank: plain.rank,
  }));
  const { rank, scaling, dropout } = configs[0]!;
  const other = configs.find((config) =>
    config.rank !== rank || config.scaling !== scaling
  );
  if (other) {
    throw new RangeError(
      `Cannot write layers of rank ${rank} and scaling ${scaling} beside ones of rank ${other.rank} and scaling ${other.scaling} for mlx-lm: it has one of each, use the format of PEFT`,
    );
  }
  const places = [...adapter.layers.keys()].map((path) => {
    const [, number, key] = LAYER.exec(path)!;
    return { number: Number(number), key };
  });
  const first = Math.min(...places.map(({ number }) => number));
  return {
    fine_tune_type: adapter.config.useDora ? "dora" : "lora",
    // mlx-lm counts from the last layer. One that the file lacks gets B = 0.
    num_layers: adapter.model.config.layers - first,
    lora_parameters: {
      keys: [...new Set(places.map(({ key }) => key))],
      rank,
      dropout,
      scale: scaling,
    },
  };
}
