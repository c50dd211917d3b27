import { FileFormatError } from "../files/file_format_error.ts";
import { type OpenFile, openFile } from "../files/open_file.ts";
import { decodeText } from "../files/read_text.ts";
import type { SafetensorsHeader } from "./header.ts";
import { parseHeader } from "./parse_header.ts";

/** The longest header that the format allows. */
const MAXIMUM_HEADER_BYTES = 100_000_000;
/** The little-endian length that stands before the header. */
const LENGTH_BYTES = 8;

/**
 * Reads and checks the header of an open safetensors file.
 *
 * @param file The file.
 * @param path Its path, for messages.
 * @returns The header.
 * @throws {FileFormatError} If the file is not a sound safetensors file.
 */
export async function readHeaderOf(
  file: OpenFile,
  path: string,
): Promise<SafetensorsHeader> {
  const { size: fileBytes } = file;
  if (fileBytes < LENGTH_BYTES) {
    throw new FileFormatError(
      path,
      `it has ${fileBytes} bytes, fewer than the ${LENGTH_BYTES} that a ` +
        "safetensors file begins with",
    );
  }
  const start = await file.read(0, LENGTH_BYTES);
  const claimed = new DataView(start.buffer).getBigUint64(0, true);
  if (claimed > BigInt(MAXIMUM_HEADER_BYTES)) {
    throw new FileFormatError(
      path,
      `its header claims ${claimed} bytes and at most ` +
        `${MAXIMUM_HEADER_BYTES} are allowed: it is not a safetensors file`,
    );
  }
  const headerBytes = Number(claimed);
  const dataOffset = LENGTH_BYTES + headerBytes;
  if (dataOffset > fileBytes) {
    throw new FileFormatError(
      path,
      `its header claims ${headerBytes} bytes and the file has ${fileBytes} ` +
        "in all: it is truncated or not a safetensors file",
    );
  }
  const header = await file.read(LENGTH_BYTES, headerBytes);
  const { metadata, tensors } = parseHeader(
    decodeText(header, path),
    fileBytes - dataOffset,
    path,
  );
  return { metadata, tensors, dataOffset, fileBytes };
}

/**
 * Reads the header of a safetensors file and nothing else: enough to list a
 * model of any size at once.
 *
 * @example Usage
 * ```ts
 * import { readHeader, writeSafetensors } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const bytes = new Uint8Array(new Float32Array([1, 2, 3]).buffer);
 * await writeSafetensors(path, [
 *   { name: "norm.weight", dtype: "F32", shape: [3], bytes },
 * ]);
 * const { tensors } = await readHeader(path);
 * assertEquals(tensors.get("norm.weight"), {
 *   dtype: "F32",
 *   shape: [3],
 *   begin: 0,
 *   end: 12,
 * });
 * await Deno.remove(path);
 * ```
 *
 * @param path The file.
 * @returns The header.
 * @throws {FileFormatError} If the file is missing, truncated, or its header
 * claims what the file does not hold.
 */
export async function readHeader(path: string): Promise<SafetensorsHeader> {
  using file = await openFile(path);
  return await readHeaderOf(file, path);
}
