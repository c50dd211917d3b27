import { sameShape } from "@wick/core-tensor";
import {
  type CausalLanguageModel,
  FileFormatError,
  joinPath,
  type JsonObject,
  type NamedTensor,
  openSafetensors,
  type SafetensorsReader,
  toFloat32,
  writeFolderAtomically,
  writeSafetensors,
  writeTextAtomically,
} from "@wick/models";
import { LoraAdapter, type LoraMatrices } from "./lora_adapter.ts";
import { layerConfig } from "./lora_config.ts";
import { peftConfigJson, readPeftConfig } from "./peft_config.ts";
import { targetPaths } from "./target_modules.ts";
import { transposed } from "./transposed.ts";

const PREFIX = "base_model.model.";

/** Options of {@linkcode loadPeftAdapter}. */
export interface LoadAdapterOptions {
  /** Whether A and B are trained further; false if absent. */
  readonly trainable?: boolean;
}

/**
 * Puts a PEFT adapter into a model.
 *
 * @param model The model it was trained on.
 * @param folder The folder with `adapter_config.json` and
 *   `adapter_model.safetensors`.
 * @param options Whether it is trained further.
 * @returns The adapter.
 * @throws {FileFormatError} If a file is missing or wrong, or the adapter is one
 *   for another model; the message names the file.
 */
export async function loadPeftAdapter(
  model: CausalLanguageModel,
  folder: string,
  options: LoadAdapterOptions = {},
): Promise<LoraAdapter> {
  const { config } = await readPeftConfig(folder);
  using reader = await openSafetensors(
    joinPath(folder, "adapter_model.safetensors"),
  );
  try {
    const matrices = new Map<string, LoraMatrices>();
    const used = new Set<string>();
    for (const path of targetPaths(model.linears.keys(), config)) {
      const { inFeatures, outFeatures } = model.linears.get(path)!;
      const { rank } = layerConfig(config, path);
      const read = async (
        end: string,
        ...shape: number[]
      ): Promise<Float32Array> => {
        const name = `${PREFIX}${path}.${end}`;
        used.add(name);
        return await readValues(reader, name, shape);
      };
      const a = await read("lora_A.weight", rank, inFeatures);
      const b = await read("lora_B.weight", outFeatures, rank);
      matrices.set(path, {
        a: transposed(a, rank, inFeatures),
        b: transposed(b, outFeatures, rank),
        ...(config.useDora && {
          magnitude: await read("lora_magnitude_vector", outFeatures),
        }),
      });
    }
    const unused = reader.names().find((name) => !used.has(name));
    if (unused !== undefined) {
      throw new FileFormatError(
        reader.path,
        `it has ${unused}, for which the model has no layer that the configuration names`,
      );
    }
    return LoraAdapter.inject(model, config, {
      trainable: options.trainable ?? false,
      matrices,
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FileFormatError(reader.path, cause.message, { cause });
  }
}

/** Options of {@linkcode savePeftAdapter}. */
export interface SaveAdapterOptions {
  /** The base model, as PEFT notes it. */
  readonly baseModel?: string;
  /** What an earlier `adapter_config.json` said; unknown keys are kept. */
  readonly raw?: JsonObject;
}

/**
 * Writes an adapter as PEFT does. The folder appears whole or not at all.
 *
 * @param adapter The adapter.
 * @param folder The folder, which is replaced if it is there.
 * @param options The name of the base model.
 * @throws {FileFormatError} If the folder cannot be written.
 */
export async function savePeftAdapter(
  adapter: LoraAdapter,
  folder: string,
  options: SaveAdapterOptions = {},
): Promise<void> {
  const tensors: NamedTensor[] = [];
  for (const [name, tensor] of adapter.parameters) {
    const values = Float32Array.from(await tensor.data());
    // The matrices lie there as `torch.nn.Linear` has them.
    const [rows, columns] = tensor.shape;
    tensors.push({
      name: PREFIX + name,
      dtype: "F32",
      shape: tensor.shape.toReversed(),
      bytes: new Uint8Array(
        columns === undefined
          ? values.buffer
          : transposed(values, rows!, columns).buffer,
      ),
    });
  }
  const { baseModel, raw } = options;
  const config = peftConfigJson(adapter.config, {
    ...raw,
    ...(baseModel !== undefined && { base_model_name_or_path: baseModel }),
  });
  await writeFolderAtomically(folder, async (temporary) => {
    await writeSafetensors(
      joinPath(temporary, "adapter_model.safetensors"),
      tensors,
    );
    await writeTextAtomically(
      joinPath(temporary, "adapter_config.json"),
      `${JSON.stringify(config, null, 2)}\n`,
    );
  });
}

async function readValues(
  reader: SafetensorsReader,
  name: string,
  wanted: readonly number[],
): Promise<Float32Array> {
  if (!reader.has(name)) {
    throw new FileFormatError(
      reader.path,
      `it lacks ${name}, which the model and the configuration want`,
    );
  }
  const { shape } = reader.info(name);
  if (!sameShape(shape, wanted)) {
    throw new FileFormatError(
      reader.path,
      `${name} is [${shape}] where the model wants [${wanted}]: the adapter is for another model`,
    );
  }
  return toFloat32(await reader.read(name));
}
