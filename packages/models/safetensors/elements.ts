import { FileFormatError } from "../files/file_format_error.ts";
import { quoted } from "../files/read_json.ts";
import { bytesPerElement } from "./dtype.ts";
import type { RawTensor } from "./raw_tensor.ts";

/**
 * Gives the buffer and place of a tensor's elements, fit for a typed array:
 * copied if the bytes do not begin on a multiple of the element's size.
 *
 * @param raw The tensor.
 * @returns The buffer, the first byte, and the number of elements.
 */
export function elements(
  raw: RawTensor,
): [buffer: ArrayBuffer, byteOffset: number, length: number] {
  const size = bytesPerElement(raw.dtype);
  const aligned = raw.bytes.byteOffset % size === 0;
  const bytes = aligned ? raw.bytes : raw.bytes.slice();
  return [bytes.buffer, bytes.byteOffset, bytes.byteLength / size];
}

/**
 * Makes the error for a tensor that cannot be converted.
 *
 * @param raw The tensor; its file and name are told if it has them.
 * @param problem What is wrong.
 * @returns The error to throw.
 */
export function elementProblem(
  raw: RawTensor,
  problem: string,
): FileFormatError {
  const name = raw.name === undefined ? "it" : `tensor ${quoted(raw.name)}`;
  return new FileFormatError(raw.path ?? "a tensor", `${name} ${problem}`);
}
