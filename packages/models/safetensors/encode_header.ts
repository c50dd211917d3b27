import { bytesPerElement, type SafetensorsDtype } from "./dtype.ts";

/** A tensor as the header of a file tells of it. */
export interface HeaderEntry {
  /** The name; a file holds each once. */
  readonly name: string;
  /** The element type. */
  readonly dtype: SafetensorsDtype;
  /** The size along each axis. */
  readonly shape: readonly number[];
  /** The bytes that it takes. */
  readonly length: number;
}

/**
 * Compares tensors by where they lie in a file: wide element types first, so
 * that each begins on a multiple of its element size; else by name.
 *
 * @param a One tensor.
 * @param b Another.
 * @returns Less than 0 if the first one comes first.
 */
export function fileOrder(
  a: Pick<HeaderEntry, "name" | "dtype">,
  b: Pick<HeaderEntry, "name" | "dtype">,
): number {
  return bytesPerElement(b.dtype) - bytesPerElement(a.dtype) ||
    compare(a.name, b.name);
}

/** Compares by code unit, so that every machine writes the same file. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Gives the header of a safetensors file with its length before it, padded to a
 * multiple of 8 bytes.
 *
 * @param tensors The tensors, in the order in which they lie in the file.
 * @param metadata Free-form texts.
 * @returns The bytes.
 * @throws {RangeError} If a name stands twice or is `__metadata__`.
 */
export function encodeHeader(
  tensors: readonly HeaderEntry[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  const names = new Set(["__metadata__"]);
  let begin = 0;
  for (const { name, dtype, shape, length } of tensors) {
    if (names.has(name)) {
      throw new RangeError(
        `Cannot write the tensor "${name}": the name is taken`,
      );
    }
    names.add(name);
    const end = begin + length;
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  const json = new TextEncoder().encode(
    JSON.stringify(Object.fromEntries(entries)),
  );
  const length = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}
