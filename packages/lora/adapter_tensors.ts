import { sameShape, type Tensor, transpose } from "@wick/core-tensor";
import {
  type CausalLanguageModel,
  FileFormatError,
  joinPath,
  type NamedTensor,
  openSafetensors,
  type SafetensorsReader,
  toFloat32,
} from "@wick/models";
import type { AdapterLayout, AdapterPart } from "./adapter_layout.ts";
import { LoraAdapter, type LoraMatrices } from "./lora_adapter.ts";
import { layerConfig, type LoraConfig } from "./lora_config.ts";
import { exactPissa } from "./pissa_matrices.ts";
import { modulePath, savedShape, savedWeights } from "./saved_weights.ts";
import { targetPaths } from "./target_modules.ts";
import { transposed } from "./transposed.ts";

/** Options of the functions that put an adapter of a folder into a model. */
export interface LoadAdapterOptions {
  /** Whether A and B are trained further; false if absent. */
  readonly trainable?: boolean;
  /** Whether the model computes with it at once; true if absent. */
  readonly insert?: boolean;
}

/**
 * Puts an adapter of a known layout into a model.
 *
 * @param model The model it was trained on.
 * @param folder The folder with the tensors.
 * @param layout How they are named.
 * @param configure Gives what the adapter is, from the names in the file.
 * @param options Whether it is trained further, and inserted.
 * @returns The adapter.
 * @throws {FileFormatError} If tensors are missing, superfluous or do not fit;
 *   the message names the file.
 */
export async function injectTensors(
  model: CausalLanguageModel,
  folder: string,
  layout: AdapterLayout,
  configure: (names: readonly string[]) => LoraConfig,
  { trainable = false, insert = true }: LoadAdapterOptions = {},
): Promise<LoraAdapter> {
  using reader = await openSafetensors(joinPath(folder, layout.file));
  try {
    const config = configure(reader.names());
    const found = await readTensors(model, reader, config, layout);
    return LoraAdapter.inject(model, config, { trainable, insert, ...found });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FileFormatError(reader.path, cause.message, { cause });
  }
}

/** What a file holds: A and B by path, weights of the model by name. */
interface AdapterContents {
  readonly matrices: ReadonlyMap<string, LoraMatrices>;
  readonly weights: ReadonlyMap<string, Float32Array>;
}

async function readTensors(
  model: CausalLanguageModel,
  reader: SafetensorsReader,
  config: LoraConfig,
  { prefix, ends, outFirst, saves }: AdapterLayout,
): Promise<AdapterContents> {
  const matrices = new Map<string, LoraMatrices>();
  const used = new Set<string>();
  const paths = targetPaths(model.linears.keys(), config);
  for (const path of paths) {
    const { inFeatures, outFeatures } = model.ownLinears.get(path)!;
    const { rank } = layerConfig(config, path);
    const read = async (
      part: AdapterPart,
      ...shape: readonly number[]
    ): Promise<Float32Array> => {
      const name = `${prefix}${path}.${ends[part]}`;
      used.add(name);
      const wanted = outFirst ? shape.toReversed() : shape;
      const values = await readValues(reader, name, wanted);
      const [rows, columns] = wanted;
      return outFirst && columns !== undefined
        ? transposed(values, rows!, columns)
        : values;
    };
    matrices.set(path, {
      a: await read("a", inFeatures, rank),
      b: await read("b", rank, outFeatures),
      ...(config.loraBias &&
        { outerBias: await read("outerBias", outFeatures) }),
      ...(config.useDora &&
        { magnitude: await read("magnitude", outFeatures) }),
      ...(config.init === "pissa" &&
        { initial: await exactPissa(model, config, path) }),
    });
  }
  const weights = new Map<string, Float32Array>();
  if (saves) {
    const wanted = new Set(savedWeights(model, config, paths));
    for (const name of [...model.weights.keys(), "lm_head.weight"]) {
      const stored = storedName(reader, prefix, name);
      if (stored === undefined && !wanted.has(name)) continue;
      used.add(stored ?? name);
      weights.set(
        name,
        await readValues(
          reader,
          stored ?? `${prefix}${name}`,
          savedShape(model, name),
        ),
      );
    }
  }
  const unused = reader.names().find((name) => !used.has(name));
  if (unused !== undefined) {
    throw new FileFormatError(
      reader.path,
      `it has ${unused}, for which the model has no layer that the configuration names`,
    );
  }
  return { matrices, weights };
}

/** The name under which a file has a weight of the model, if it has it. */
function storedName(
  reader: SafetensorsReader,
  prefix: string,
  name: string,
): string | undefined {
  const path = modulePath(name);
  return [
    `${prefix}${path}.base_layer${name.slice(path.length)}`,
    `${prefix}${name}`,
  ].find((stored) => reader.has(stored));
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

/**
 * Reads an adapter from its device as a tool wants it in a file, in f32.
 *
 * @param adapter The adapter.
 * @param layout The tool's layout.
 * @returns The tensors.
 */
export async function adapterTensors(
  adapter: LoraAdapter,
  { prefix, ends, outFirst }: AdapterLayout,
): Promise<NamedTensor[]> {
  const tensors: NamedTensor[] = [];
  const push = async (name: string, tensor: Tensor): Promise<void> => {
    const { shape, known } = tensor;
    const values = Float32Array.from(await tensor.data());
    if (!known) tensor.dispose();
    tensors.push({
      name: `${prefix}${name}`,
      dtype: "F32",
      shape,
      bytes: new Uint8Array(values.buffer),
    });
  };
  for (const [path, layer] of adapter.layers) {
    const { a, b } = layer.plain;
    for (const [part, matrix] of [["a", a], ["b", b]] as const) {
      await push(
        `${path}.${ends[part]}`,
        outFirst ? transpose(matrix) : matrix,
      );
    }
    const { outerBias, magnitude } = layer.parts;
    if (outerBias) await push(`${path}.${ends.outerBias}`, outerBias);
    if (magnitude) await push(`${path}.${ends.magnitude}`, magnitude);
  }
  for (const [name, tensor] of adapter.weights) {
    await push(adapter.fileName(name), tensor);
  }
  return tensors;
}
