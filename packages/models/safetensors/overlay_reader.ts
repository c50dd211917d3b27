import type { SafetensorsReader } from "./safetensors_reader.ts";

/**
 * Shows the tensors of one reader with some taken from another.
 *
 * @param reader The tensors, which the new reader closes with itself.
 * @param other Where some are taken from.
 * @param takes Tells by its name whether a tensor is.
 * @returns The tensors of `reader` by name.
 */
export function overlayReader(
  reader: SafetensorsReader,
  other: SafetensorsReader,
  takes: (name: string) => boolean,
): SafetensorsReader {
  const of = (name: string): SafetensorsReader =>
    takes(name) && other.has(name) ? other : reader;
  return {
    path: reader.path,
    metadata: reader.metadata,
    names: () => reader.names(),
    has: (name) => reader.has(name),
    info: (name) => of(name).info(name),
    read: (name) => of(name).read(name),
    [Symbol.dispose]: () => reader[Symbol.dispose](),
  };
}
