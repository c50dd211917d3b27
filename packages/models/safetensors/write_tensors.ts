import { writeAll, writeAtomically } from "../files/write_atomically.ts";
import { FileFormatError } from "../files/file_format_error.ts";
import { bytesPerElement, isSafetensorsDtype } from "./dtype.ts";
import { encodeHeader, fileOrder } from "./encode_header.ts";
import type { SafetensorsReader } from "./safetensors_reader.ts";

/**
 * Writes tensors of a reader to a safetensors file, whole or not at all, one
 * after the other: no more than one is in memory. The file is laid out as
 * `writeSafetensors` does it.
 *
 * @param path The file; its folder must exist.
 * @param reader Where the tensors come from.
 * @param names Which.
 * @param metadata Free-form texts; those of the reader if absent.
 * @returns The bytes of the tensors.
 * @throws {FileFormatError} If a tensor cannot be read, or the system refuses the
 *   file.
 */
export async function writeTensors(
  path: string,
  reader: SafetensorsReader,
  names: Iterable<string>,
  metadata: Readonly<Record<string, string>> = reader.metadata,
): Promise<number> {
  const ordered = [...names].map((name) => {
    const { dtype, shape } = reader.info(name);
    if (!isSafetensorsDtype(dtype)) {
      throw new FileFormatError(
        reader.path,
        `${name} is of the unknown type ${dtype}`,
      );
    }
    const length = shape.reduce((a, b) => a * b, bytesPerElement(dtype));
    return { name, dtype, shape, length };
  }).sort(fileOrder);
  const header = encodeHeader(ordered, metadata);
  await writeAtomically(path, async (file) => {
    await writeAll(file, header);
    for (const { name, length } of ordered) {
      const { bytes } = await reader.read(name);
      if (bytes.length !== length) {
        throw new FileFormatError(
          reader.path,
          `${name} has ${bytes.length} bytes where its header says ${length}`,
        );
      }
      await writeAll(file, bytes);
    }
  });
  return ordered.reduce((total, { length }) => total + length, 0);
}
