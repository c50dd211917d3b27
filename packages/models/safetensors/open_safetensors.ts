import { FileFormatError } from "../files/file_format_error.ts";
import { type OpenFile, openFile } from "../files/open_file.ts";
import { quoted } from "../files/read_json.ts";
import { isSafetensorsDtype, SAFETENSORS_DTYPES } from "./dtype.ts";
import type { SafetensorsHeader, TensorInfo } from "./header.ts";
import type { RawTensor } from "./raw_tensor.ts";
import { readHeaderOf } from "./read_header.ts";
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
  using opened = new DisposableStack();
  const file = opened.use(await openFile(path));
  const reader = new FileReader(path, file, await readHeaderOf(file, path));
  opened.move();
  return reader;
}

class FileReader implements SafetensorsReader {
  readonly path: string;
  readonly #file: OpenFile;
  readonly #header: SafetensorsHeader;

  constructor(path: string, file: OpenFile, header: SafetensorsHeader) {
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
    const bytes = await this.#file.read(
      this.#header.dataOffset + begin,
      end - begin,
    );
    return { name, path: this.path, dtype, shape, bytes };
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
