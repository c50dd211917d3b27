import { FileFormatError } from "../files/file_format_error.ts";
import { joinPath } from "../files/join_path.ts";
import { type JsonObject, readJsonObject } from "../files/read_json.ts";
import { systemProblem } from "../files/system_problem.ts";
import { writeFolderAtomically } from "../files/write_folder_atomically.ts";
import { writeTextAtomically } from "../files/write_text_atomically.ts";
import { modelShards } from "./open_model_files.ts";
import type { SafetensorsReader } from "./safetensors_reader.ts";
import { writeModelFiles } from "./write_model_files.ts";

/** Files of a model that hold weights, which are written anew. */
const WEIGHTS = /\.(safetensors|safetensors\.index\.json|bin|pth|gguf)$/;

/** Files of a model that go with other weights too. */
const KEPT = /\.(json|txt|model|jinja|md)$|^(LICENSE|NOTICE)/;

/**
 * Writes a model as a folder in Hugging Face's format: given weights, in as many
 * files as another model has and one after the other in memory, beside the
 * configuration and the tokenizer of that model. The folder appears whole or not
 * at all.
 *
 * @param output The folder to write, which is replaced if it is there.
 * @param base The folder of the model that it is made from.
 * @param weights The weights.
 * @param config What `config.json` holds beside what the base's does; what is
 *   `undefined` is left out.
 * @throws {FileFormatError} If a file cannot be read, or the folder is that of
 *   the base or cannot be written.
 */
export async function writeModelFolder(
  output: string,
  base: string,
  weights: SafetensorsReader,
  config: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await refuseSameFolder(base, output);
  const shards = await modelShards(base);
  await writeFolderAtomically(output, async (temporary) => {
    await writeModelFiles(temporary, weights, shards);
    for await (const { name, isDirectory } of Deno.readDir(base)) {
      if (isDirectory || WEIGHTS.test(name) || !KEPT.test(name)) continue;
      await Deno.copyFile(joinPath(base, name), joinPath(temporary, name));
    }
    if (Object.keys(config).length === 0) return;
    const before = await readJsonObject(joinPath(base, "config.json"));
    const after: JsonObject = { ...before, ...config };
    await writeTextAtomically(
      joinPath(temporary, "config.json"),
      `${JSON.stringify(after, undefined, 2)}\n`,
    );
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
