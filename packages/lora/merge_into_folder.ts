import {
  dequantizingReader,
  joinPath,
  type ModelQuantization,
  openModelFiles,
  overlayReader,
  quantizationSections,
  type QuantizationSpec,
  quantizedLayers,
  quantizingReader,
  readQuantization,
  type SafetensorsReader,
  writeModelFolder,
} from "@wick/models";
import type { LoraAdapter } from "./lora_adapter.ts";
import { mergedReader, untiesHead } from "./merged_reader.ts";

/** Options of {@linkcode mergeIntoFolder}. */
export interface MergeOptions {
  /** Quantizes the merged weights; floats are written if absent. */
  readonly quantize?: QuantizationSpec;
}

/**
 * Writes the model of an adapter as a folder in Hugging Face's format: its
 * weights with the adapter in them, in the types and the files of the base,
 * beside the configuration and the tokenizer of the base. What is quantized in
 * the base becomes floats of the type of its scales, or is quantized again. One
 * weight at a time is in memory. The folder appears whole or not at all.
 *
 * @param adapter The adapter, in its model.
 * @param base The folder that the model was loaded from.
 * @param output The folder to write, which is replaced if it is there.
 * @param options Whether to quantize.
 * @throws {RangeError} If the adapter brings a bias where the base has none.
 * @throws {FileFormatError} If the base cannot be read, or the folder is that of
 *   the base or cannot be written.
 */
export async function mergeIntoFolder(
  adapter: LoraAdapter,
  base: string,
  output: string,
  { quantize }: MergeOptions = {},
): Promise<void> {
  const { quantization: section } = adapter.model.config;
  const before = section
    ? readQuantization(section, joinPath(base, "config.json"))
    : undefined;
  using opened = new DisposableStack();
  const files = opened.use(await openModelFiles(base));
  const floats = before ? dequantizingReader(files, before) : files;
  const merged = mergedReader(floats, adapter);
  const weights = quantize
    ? requantized(quantizingReader(merged, quantize), quantize, {
      ...{ adapter, files, before },
    })
    : merged;
  const after: ModelQuantization | undefined = quantize &&
    { usual: quantize, layers: new Map() };
  await writeModelFolder(output, base, weights, {
    ...(before || after ? quantizationSections(after) : {}),
    ...(untiesHead(adapter) && { tie_word_embeddings: false }),
  });
}

/** Takes layers as they are that are quantized so and that nothing changes. */
function requantized(
  weights: SafetensorsReader,
  spec: QuantizationSpec,
  { adapter, files, before }: {
    readonly adapter: LoraAdapter;
    readonly files: SafetensorsReader;
    readonly before: ModelQuantization | undefined;
  },
): SafetensorsReader {
  if (!before) return weights;
  const kept = new Set(
    [...quantizedLayers(files, before)]
      .filter(([path, { bits, groupSize }]) =>
        bits === spec.bits && groupSize === spec.groupSize &&
        !adapter.layers.has(path) && !adapter.weights.has(`${path}.weight`)
      ).map(([path]) => path),
  );
  return overlayReader(
    weights,
    files,
    (name) => kept.has(name.slice(0, name.lastIndexOf("."))),
  );
}
