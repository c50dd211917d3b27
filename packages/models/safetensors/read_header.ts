import { FileFormatError } from "../files/file_format_error.ts";
import { decodeText } from "../files/read_text.ts";
import { systemProblem } from "../files/system_problem.ts";
import type { SafetensorsHeader } from "./header.ts";
import { parseHeader } from "./parse_header.ts";

/** The longest header that the format allows. */
const MAXIMUM_HEADER_BYTES = 100_000_000;
/** The little-endian length that stands before the header. */
const LENGTH_BYTES = 8;

/**
 * Reads exactly so many bytes from a place in an open file.
 *
 * @param file The file.
 * @param offset Where to begin.
 * @param length How many bytes.
 * @param path The file's path, for messages.
 * @returns The bytes.
 * @throws {FileFormatError} If the file ends before.
 */
export async function readExactly(
  file: Deno.FsFile,
  offset: number,
  length: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const count = await file.read(bytes.subarray(done));
    if (count === null) {
      throw new FileFormatError(
        path,
        `it ends at byte ${offset + done} and ${offset + length} were expected`,
      );
    }
    done += count;
  }
  return bytes;
}

/**
 * Reads and checks the header of an open safetensors file.
 *
 * @param file The file.
 * @param path Its path, for messages.
 * @returns The header.
 * @throws {FileFormatError} If the file is not a sound safetensors file.
 */
export async function readHeaderOf(
  file: Deno.FsFile,
  path: string,
): Promise<SafetensorsHeader> {
  const { size: fileBytes, isFile } = await file.stat();
  if (!isFile) throw new FileFormatError(path, "it is not a regular file");
  if (fileBytes < LENGTH_BYTES) {
    throw new FileFormatError(
      path,
      `it has ${fileBytes} bytes, fewer than the ${LENGTH_BYTES} that a ` +
        "safetensors file begins with",
    );
  }
  const start = await readExactly(file, 0, LENGTH_BYTES, path);
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
  const header = await readExactly(file, LENGTH_BYTES, headerBytes, path);
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
  try {
    using file = await Deno.open(path);
    return await readHeaderOf(file, path);
  } catch (error) {
    throw systemProblem(path, error);
  }
}
