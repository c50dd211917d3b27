import {
  FileFormatError,
  joinPath,
  type NamedTensor,
  openModelFiles,
  type RawTensor,
  systemProblem,
  writeFolderAtomically,
  writeSafetensors,
} from "@wick/models";
import type { LoraAdapter } from "./lora_adapter.ts";
import { narrowed } from "./narrowed.ts";

/** Files of a model that hold weights, which are written anew. */
const WEIGHTS = /\.(safetensors|safetensors\.index\.json|bin|pth|gguf)$/;

/** Files of the base that go with the weights of the merged model. */
const KEPT = /\.(json|txt|model|jinja|md)$|^(LICENSE|NOTICE)/;

/**
 * Writes the model of an adapter as a folder in Hugging Face's format: its
 * weights with the adapter in them, in the types of the base's files, beside
 * the configuration and the tokenizer of the base. The folder appears whole or
 * not at all.
 *
 * @param adapter The adapter, in its model.
 * @param base The folder that the model was loaded from.
 * @param output The folder to write, which is replaced if it is there.
 * @throws {FileFormatError} If the base cannot be read, or the folder is that of
 *   the base or cannot be written.
 */
export async function mergeIntoFolder(
  adapter: LoraAdapter,
  base: string,
  output: string,
): Promise<void> {
  await refuseSameFolder(base, output);
  using reader = await openModelFiles(base);
  const tensors: NamedTensor[] = [];
  for (const name of reader.names()) {
    const raw = await reader.read(name);
    tensors.push({ ...await merged(adapter, name, raw), name });
  }
  await writeFolderAtomically(output, async (temporary) => {
    await writeSafetensors(joinPath(temporary, "model.safetensors"), tensors);
    for await (const { name, isDirectory } of Deno.readDir(base)) {
      if (isDirectory || WEIGHTS.test(name) || !KEPT.test(name)) continue;
      await Deno.copyFile(joinPath(base, name), joinPath(temporary, name));
    }
  });
}

async function refuseSameFolder(base: string, output: string): Promise<void> {
  const real = async (path: string): Promise<string | undefined> => {
    try {
      return await Deno.realPath(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw systemProblem(path, error);
    }
  };
  if (await real(base) === await real(output)) {
    throw new FileFormatError(
      output,
      "it is the folder of the base model, name another",
      { action: "write" },
    );
  }
}

/** A tensor of the base, with the adapter if it is the weight of a layer. */
async function merged(
  adapter: LoraAdapter,
  name: string,
  raw: RawTensor,
): Promise<RawTensor> {
  const layer = name.endsWith(".weight")
    ? adapter.layers.get(name.slice(0, -".weight".length))
    : undefined;
  if (!layer) return raw;
  const wasMerged = layer.merged;
  layer.merge();
  try {
    const values = Float32Array.from(await layer.weight.data());
    return { ...raw, bytes: narrowed(values, raw.dtype) };
  } finally {
    // Only one merged weight is on the device at a time.
    if (!wasMerged) layer.unmerge();
  }
}
