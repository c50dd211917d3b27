import {
  bytesPerElement,
  isSafetensorsDtype,
  type SafetensorsReader,
} from "@wick/models";

/**
 * Counts the bytes of the tensors in files.
 *
 * @param reader The files.
 * @returns The bytes of all whose type is known.
 */
export function tensorBytes(reader: SafetensorsReader): number {
  return reader.names().reduce((total, name) => {
    const { dtype, shape } = reader.info(name);
    return isSafetensorsDtype(dtype)
      ? total + shape.reduce((a, b) => a * b, bytesPerElement(dtype))
      : total;
  }, 0);
}
