import { FileFormatError } from "../files/file_format_error.ts";
import { quoted } from "../files/read_json.ts";
import { systemProblem } from "../files/system_problem.ts";
import { isSafetensorsDtype, SAFETENSORS_DTYPES } from "./dtype.ts";
import type { SafetensorsHeader, TensorInfo } from "./header.ts";
import type { RawTensor } from "./raw_tensor.ts";
import { readExactly, readHeaderOf } from "./read_header.ts";
import type { SafetensorsReader } from "./safetensors_reader.ts";

/**
 * Opens a safetensors file: the header is read and checked, the tensors are
 * read when they are asked for.
 *
 * @example Usage
 * ```ts
 * import { openSafetensors, toFloat32, writeSafetensors } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const bytes = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
 * await writeSafetensors(path, [
 *   { name: "w", dtype: "F32", shape: [2, 2], bytes },
 * ]);
 * {
 *   using file = await openSafetensors(path);
 *   assertEquals(toFloat32(await file.read("w")), new Float32Array([1, 2, 3, 4]));
 * }
 * await Deno.remove(path);
 * ```
 *
 * @param path The file.
 * @returns A reader, to be disposed of.
 * @throws {FileFormatError} If the file is not a sound safetensors file.
 */
export async function openSafetensors(
  path: string,
): Promise<SafetensorsReader> {
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path);
    return new FileReader(path, file, await readHeaderOf(file, path));
  } catch (error) {
    file?.close();
    throw systemProblem(path, error);
  }
}

class FileReader implements SafetensorsReader {
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #header: SafetensorsHeader;
  // A file has one position, so reads that were asked for at once take turns.
  #lastRead: Promise<unknown> = Promise.resolve();
  #open = true;

  constructor(path: string, file: Deno.FsFile, header: SafetensorsHeader) {
    this.path = path;
    this.#file = file;
    this.#header = header;
  }

  get metadata(): Readonly<Record<string, string>> {
    return this.#header.metadata;
  }

  names(): string[] {
    return [...this.#header.tensors.keys()];
  }

  has(name: string): boolean {
    return this.#header.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const info = this.#header.tensors.get(name);
    if (!info) {
      throw new FileFormatError(this.path, `it has no tensor ${quoted(name)}`);
    }
    return info;
  }

  async read(name: string): Promise<RawTensor> {
    const { dtype, shape, begin, end } = this.info(name);
    if (!isSafetensorsDtype(dtype)) {
      throw new FileFormatError(
        this.path,
        `tensor ${quoted(name)} has the dtype ${quoted(dtype)}: known are ` +
          SAFETENSORS_DTYPES.join(", "),
      );
    }
    const bytes = await this.#inTurn(begin, end - begin);
    return { name, path: this.path, dtype, shape, bytes };
  }

  #inTurn(begin: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const read = this.#lastRead.then(async () => {
      if (!this.#open) throw new TypeError(`Cannot read ${this.path}: closed`);
      try {
        const offset = this.#header.dataOffset + begin;
        return await readExactly(this.#file, offset, length, this.path);
      } catch (error) {
        throw systemProblem(this.path, error);
      }
    });
    this.#lastRead = read.catch(() => {});
    return read;
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}
