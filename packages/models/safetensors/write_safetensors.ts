import { writeAll, writeAtomically } from "../files/write_atomically.ts";
import { bytesPerElement, type SafetensorsDtype } from "./dtype.ts";
import { encodeHeader, fileOrder } from "./encode_header.ts";

/** A tensor to be written to a file. */
export interface NamedTensor {
  /** The name; a file holds each once. */
  readonly name: string;
  /** The element type. */
  readonly dtype: SafetensorsDtype;
  /** The size along each axis; empty for a single value. */
  readonly shape: readonly number[];
  /** The elements row by row, little-endian. */
  readonly bytes: Uint8Array;
}

/**
 * Writes a safetensors file, whole or not at all: to a temporary file beside it,
 * synced, then renamed. Wide element types come first and the header is padded,
 * so that each tensor begins on a multiple of its element size.
 *
 * @example Usage
 * ```ts
 * import { openSafetensors, writeSafetensors } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const bytes = new Uint8Array([1, 0, 1]);
 * await writeSafetensors(path, [
 *   { name: "mask", dtype: "BOOL", shape: [3], bytes },
 * ], { format: "pt", rank: "8" });
 * {
 *   using file = await openSafetensors(path);
 *   assertEquals(file.metadata["rank"], "8");
 *   assertEquals((await file.read("mask")).bytes, bytes);
 * }
 * await Deno.remove(path);
 * ```
 *
 * @param path The file; its folder must exist.
 * @param tensors The tensors, in any order.
 * @param metadata Free-form texts. Readers of PyTorch models look for
 * `format: "pt"`, which is all there is by default.
 * @throws {RangeError} If a name stands twice or is `__metadata__`, or a
 * tensor's bytes do not fit its shape and element type.
 * @throws {FileFormatError} If the system refuses the file.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<NamedTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  const ordered = [...tensors].sort(fileOrder).map((tensor) => {
    const { name, dtype, shape, bytes } = tensor;
    const needed = shape.reduce((a, b) => a * b, bytesPerElement(dtype));
    if (needed !== bytes.length) {
      throw new RangeError(
        `Cannot write the tensor "${name}": ${dtype} [${shape}] needs ` +
          `${needed} bytes and has ${bytes.length}`,
      );
    }
    return { ...tensor, length: needed };
  });
  const header = encodeHeader(ordered, metadata);
  await writeAtomically(path, async (file) => {
    await writeAll(file, header);
    for (const { bytes } of ordered) await writeAll(file, bytes);
  });
}
