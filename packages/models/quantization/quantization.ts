import {
  isQuantizedBits,
  isQuantizedGroupSize,
  type QuantizedBits,
  type QuantizedGroupSize,
} from "@wick/core-tensor";
import { Fields } from "../config/fields.ts";
import { FileFormatError } from "../files/file_format_error.ts";
import { isJsonObject, type JsonObject, quoted } from "../files/read_json.ts";

/** How the weight of a layer is quantized. */
export interface QuantizationSpec {
  /** Bits of an element. */
  readonly bits: QuantizedBits;
  /** Neighbours of a row that share a scale and a bias. */
  readonly groupSize: QuantizedGroupSize;
}

/** How the layers of a model are quantized. */
export interface ModelQuantization {
  /** How all layers are but those that are named. */
  readonly usual: QuantizationSpec;
  /** The layers that are quantized otherwise, or not, by their path. */
  readonly layers: ReadonlyMap<string, QuantizationSpec | undefined>;
}

/**
 * Reads the `quantization` section of mlx, or its copy `quantization_config`:
 * `group_size` and `bits`, and by the path of a layer the same for that layer,
 * or `false`.
 *
 * @example Usage
 * ```ts
 * import { readQuantization } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const section = { group_size: 64, bits: 4, lm_head: { group_size: 32, bits: 8 } };
 * const { usual, layers } = readQuantization(section, "config.json");
 * assertEquals(usual, { bits: 4, groupSize: 64 });
 * assertEquals(layers.get("lm_head"), { bits: 8, groupSize: 32 });
 * ```
 *
 * @param section The section as it stands in the file.
 * @param path The file, for messages.
 * @returns What it says.
 * @throws {FileFormatError} If the weights are quantized in another way.
 */
export function readQuantization(
  section: JsonObject,
  path: string,
): ModelQuantization {
  const method = section["quant_method"] ?? section["mode"] ?? "affine";
  if (method !== "affine" && method !== "mlx") {
    throw new FileFormatError(
      path,
      `its weights are quantized by ${
        quoted(String(method))
      }: only the affine groups of mlx can be read, quantize the float model with wick quantize`,
    );
  }
  const layers = new Map<string, QuantizationSpec | undefined>();
  for (const [name, value] of Object.entries(section)) {
    if (value === false) layers.set(name, undefined);
    else if (isJsonObject(value)) {
      layers.set(name, readSpec(new Fields(path, value, `${name}.`)));
    }
  }
  return { usual: readSpec(new Fields(path, section)), layers };
}

function readSpec(fields: Fields): QuantizationSpec {
  const [bits, groupSize] = [fields.get("bits"), fields.get("group_size")];
  if (!isQuantizedBits(bits)) fields.fail("bits", "4 or 8");
  if (!isQuantizedGroupSize(groupSize)) {
    fields.fail("group_size", "32, 64 or 128");
  }
  return { bits, groupSize };
}

/**
 * Gives how a layer of a quantized model is quantized.
 *
 * @param quantization How the model is.
 * @param path The path of the layer.
 * @returns How the layer is; `undefined` if it is named as one that is not.
 */
export function layerQuantization(
  { usual, layers }: ModelQuantization,
  path: string,
): QuantizationSpec | undefined {
  return layers.has(path) ? layers.get(path) : usual;
}

/**
 * Gives the sections of `config.json` that say how a model is quantized, as mlx
 * writes them: `quantization` and, where other tools look for it, the same
 * again as `quantization_config`.
 *
 * @param quantization How it is; `undefined` if it is not.
 * @returns The sections, `undefined` where there is none.
 */
export function quantizationSections(
  quantization: ModelQuantization | undefined,
): Record<string, JsonObject | undefined> {
  const section = quantization && sectionOf(quantization);
  return { quantization: section, quantization_config: section };
}

function sectionOf({ usual, layers }: ModelQuantization): JsonObject {
  const written = (spec: QuantizationSpec): JsonObject => ({
    group_size: spec.groupSize,
    bits: spec.bits,
  });
  return {
    ...written(usual),
    mode: "affine",
    ...Object.fromEntries(
      [...layers].map(([path, spec]) => [path, spec ? written(spec) : false]),
    ),
  };
}
