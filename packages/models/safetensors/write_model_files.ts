import { joinPath } from "../files/join_path.ts";
import { writeTextAtomically } from "../files/write_text_atomically.ts";
import type { SafetensorsReader } from "./safetensors_reader.ts";
import { writeTensors } from "./write_tensors.ts";

/**
 * Writes the weights of a model, in as many files as another has them: each in
 * the file of the tensor of its name there, of another part of its module if it
 * is new, or in the last. Several files get an index. No more than one tensor is
 * in memory.
 *
 * @param folder The folder, which must exist.
 * @param reader The weights.
 * @param shards The file of each tensor; see `modelShards`.
 * @throws {FileFormatError} If a tensor cannot be read or a file not written.
 */
export async function writeModelFiles(
  folder: string,
  reader: SafetensorsReader,
  shards: ReadonlyMap<string, string>,
): Promise<void> {
  const byModule = new Map(
    [...shards].map(([name, file]) => [moduleOf(name), file]),
  );
  const last = [...new Set(shards.values())].sort().at(-1) ??
    "model.safetensors";
  const names = new Map<string, string[]>();
  for (const name of reader.names()) {
    const file = shards.get(name) ?? byModule.get(moduleOf(name)) ?? last;
    names.set(file, [...names.get(file) ?? [], name]);
  }
  let total = 0;
  for (const [file, of] of names) {
    total += await writeTensors(joinPath(folder, file), reader, of);
  }
  if (names.size === 1 && names.has("model.safetensors")) return;
  const weightMap = Object.fromEntries(
    [...names].flatMap(([file, of]) => of.map((name) => [name, file])).sort(),
  );
  const index = { metadata: { total_size: total }, "weight_map": weightMap };
  await writeTextAtomically(
    joinPath(folder, "model.safetensors.index.json"),
    `${JSON.stringify(index, null, 2)}\n`,
  );
}

function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}
