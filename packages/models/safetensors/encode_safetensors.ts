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
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Gives the bytes of a safetensors file, in parts that follow one another. Wide
 * element types come first and the header is padded, so that each tensor begins
 * on a multiple of its element size.
 *
 * @example Usage
 * ```ts
 * import { encodeSafetensors } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array([1, 0, 1]);
 * const parts = encodeSafetensors([
 *   { name: "mask", dtype: "BOOL", shape: [3], bytes },
 * ]);
 * assertEquals(new Blob(parts).size, 8 + 96 + 3);
 * ```
 *
 * @param tensors The tensors, in any order.
 * @param metadata Free-form texts. Readers of PyTorch models look for
 * `format: "pt"`, which is all there is by default.
 * @returns The header, then the bytes of each tensor, not copied.
 * @throws {RangeError} If a name stands twice or is `__metadata__`, or a
 * tensor's bytes do not fit its shape and element type.
 */
export function encodeSafetensors(
  tensors: Iterable<NamedTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array<ArrayBuffer>[] {
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
  return [header, ...ordered.map(({ bytes }) => bytes)];
}
