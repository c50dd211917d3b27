import { FileFormatError } from "../files/file_format_error.ts";
import { joinPath } from "../files/join_path.ts";
import { isJsonObject, parseJsonObject, quoted } from "../files/read_json.ts";
import { readText, readTextIfPresent } from "../files/read_text.ts";
import type { TensorInfo } from "./header.ts";
import { openSafetensors } from "./open_safetensors.ts";
import type { RawTensor } from "./raw_tensor.ts";
import type { SafetensorsReader } from "./safetensors_reader.ts";

/** The file with the weights, where it is one. */
const SINGLE = "model.safetensors";
/** The file that lists the shards, where there are several. */
const INDEX = "model.safetensors.index.json";

/**
 * Tells in which file of a model folder each tensor lies.
 *
 * @param folder The model's folder.
 * @returns The file of each tensor by name.
 * @throws {FileFormatError} As {@linkcode openModelFiles} does.
 */
export async function modelShards(
  folder: string,
): Promise<Map<string, string>> {
  using single = await openSingle(folder);
  if (single) return new Map(single.names().map((name) => [name, SINGLE]));
  const path = joinPath(folder, INDEX);
  return parseIndex(await readText(path), path);
}

/**
 * Opens the weights of a model folder, which are one file `model.safetensors`
 * or shards listed in `model.safetensors.index.json`, behind one reader.
 *
 * @example Usage
 * ```ts
 * import { openModelFiles, writeSafetensors } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await writeSafetensors(`${folder}/model.safetensors`, [
 *   { name: "bias", dtype: "U8", shape: [2], bytes: new Uint8Array([7, 8]) },
 * ]);
 * {
 *   using weights = await openModelFiles(folder);
 *   assertEquals(weights.names(), ["bias"]);
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @param folder The model's folder.
 * @returns A reader over all its files, to be disposed of.
 * @throws {FileFormatError} If there are no weights, a file is damaged or
 * missing, the index leads out of the folder, or names a tensor that its file
 * does not hold.
 */
export async function openModelFiles(
  folder: string,
): Promise<SafetensorsReader> {
  const single = await openSingle(folder);
  if (single) return single;
  const path = joinPath(folder, INDEX);
  const text = await readTextIfPresent(path);
  if (text === undefined) {
    throw new FileFormatError(folder, `it has neither ${SINGLE} nor ${INDEX}`);
  }
  return await openShards(folder, path, parseIndex(text, path));
}

/** Opens the weights where they are one file; undefined where they are not. */
async function openSingle(
  folder: string,
): Promise<SafetensorsReader | undefined> {
  try {
    return await openSafetensors(joinPath(folder, SINGLE));
  } catch (error) {
    if (error instanceof FileFormatError && error.missing) return undefined;
    throw error;
  }
}

/** Reads which file holds each tensor, refusing paths that leave the folder. */
function parseIndex(text: string, path: string): Map<string, string> {
  const index = parseJsonObject(text, path, { refuseDuplicateKeys: true });
  const weightMap = index["weight_map"];
  if (!isJsonObject(weightMap)) {
    throw new FileFormatError(path, "it has no weight_map object");
  }
  const shardOf = new Map<string, string>();
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== "string" || !staysInside(shard)) {
      throw new FileFormatError(
        path,
        `its weight_map sends ${quoted(name)} to ` +
          `${quoted(String(shard))}: it must be a file in the same folder`,
      );
    }
    shardOf.set(name, shard);
  }
  return shardOf;
}

function staysInside(shard: string): boolean {
  return !/[\\:\p{Cc}]/u.test(shard) &&
    shard.split("/").every((part) => !["", ".", ".."].includes(part));
}

async function openShards(
  folder: string,
  path: string,
  shardOf: ReadonlyMap<string, string>,
): Promise<SafetensorsReader> {
  using opened = new DisposableStack();
  const readers = new Map<string, SafetensorsReader>();
  const tensors = new Map<string, SafetensorsReader>();
  for (const [name, shard] of shardOf) {
    let reader = readers.get(shard);
    if (!reader) {
      reader = opened.use(await openSafetensors(joinPath(folder, shard)));
      readers.set(shard, reader);
    }
    if (!reader.has(name)) {
      throw new FileFormatError(
        reader.path,
        `it has no tensor ${quoted(name)}, though ${INDEX} says so`,
      );
    }
    tensors.set(name, reader);
  }
  // What a shard holds beyond the index is part of the model's files, too.
  for (const reader of readers.values()) {
    for (const name of reader.names()) {
      if (!tensors.has(name)) tensors.set(name, reader);
    }
  }
  return new ShardedReader(path, tensors, opened.move());
}

class ShardedReader implements SafetensorsReader {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #tensors: ReadonlyMap<string, SafetensorsReader>;
  readonly #opened: DisposableStack;

  constructor(
    path: string,
    tensors: ReadonlyMap<string, SafetensorsReader>,
    opened: DisposableStack,
  ) {
    this.path = path;
    this.#tensors = tensors;
    this.#opened = opened;
    const [first] = tensors.values();
    this.metadata = first?.metadata ?? {};
  }

  names(): string[] {
    return [...this.#tensors.keys()];
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  info(name: string): TensorInfo {
    return this.#shard(name).info(name);
  }

  async read(name: string): Promise<RawTensor> {
    return await this.#shard(name).read(name);
  }

  #shard(name: string): SafetensorsReader {
    const reader = this.#tensors.get(name);
    if (!reader) {
      throw new FileFormatError(this.path, `it has no tensor ${quoted(name)}`);
    }
    return reader;
  }

  [Symbol.dispose](): void {
    this.#opened.dispose();
  }
}
