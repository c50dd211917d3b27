import {
  FileFormatError,
  joinPath,
  modelShards,
  openModelFiles,
  readJsonObject,
  systemProblem,
  writeFolderAtomically,
  writeModelFiles,
  writeTextAtomically,
} from "@wick/models";
import type { LoraAdapter } from "./lora_adapter.ts";
import { mergedReader, untiesHead } from "./merged_reader.ts";

/** Files of a model that hold weights, which are written anew. */
const WEIGHTS = /\.(safetensors|safetensors\.index\.json|bin|pth|gguf)$/;

/** Files of the base that go with the weights of the merged model. */
const KEPT = /\.(json|txt|model|jinja|md)$|^(LICENSE|NOTICE)/;

/**
 * Writes the model of an adapter as a folder in Hugging Face's format: its
 * weights with the adapter in them, in the types and the files of the base,
 * beside the configuration and the tokenizer of the base. One weight at a time
 * is in memory. The folder appears whole or not at all.
 *
 * @param adapter The adapter, in its model.
 * @param base The folder that the model was loaded from.
 * @param output The folder to write, which is replaced if it is there.
 * @throws {RangeError} If the adapter brings a bias where the base has none.
 * @throws {FileFormatError} If the base cannot be read, or the folder is that of
 *   the base or cannot be written.
 */
export async function mergeIntoFolder(
  adapter: LoraAdapter,
  base: string,
  output: string,
): Promise<void> {
  await refuseSameFolder(base, output);
  using reader = mergedReader(await openModelFiles(base), adapter);
  const shards = await modelShards(base);
  await writeFolderAtomically(output, async (temporary) => {
    await writeModelFiles(temporary, reader, shards);
    for await (const { name, isDirectory } of Deno.readDir(base)) {
      if (isDirectory || WEIGHTS.test(name) || !KEPT.test(name)) continue;
      await Deno.copyFile(joinPath(base, name), joinPath(temporary, name));
    }
    if (untiesHead(adapter)) await writeUntied(base, temporary);
  });
}

/** Says in the configuration that the head has a weight of its own. */
async function writeUntied(base: string, output: string): Promise<void> {
  const config = await readJsonObject(joinPath(base, "config.json"));
  await writeTextAtomically(
    joinPath(output, "config.json"),
    `${JSON.stringify({ ...config, tie_word_embeddings: false }, null, 2)}\n`,
  );
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
