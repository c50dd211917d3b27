import type { DType, HostArray, Storage } from "@wick/core-tensor";
import { arrayOf } from "../host_array.ts";

/** Elements in the memory of the process; 16-bit floats are held widened. */
export interface CpuStorage extends Storage {
  /** The elements. */
  readonly array: HostArray;
}

/** What counts the bytes of the CPU device. */
export interface CpuMemory {
  /** Bytes held now. */
  bytes: number;
  /** The most bytes ever held. */
  peakBytes: number;
  /** Arrays held now. */
  arrays: number;
}

/**
 * Makes room for elements.
 *
 * @param memory What counts it.
 * @param dtype The element type.
 * @param values The elements, which are kept, or how many.
 * @returns The storage.
 */
export function cpuStorage(
  memory: CpuMemory,
  dtype: DType,
  values: HostArray | number,
): CpuStorage {
  const array = typeof values === "number" ? arrayOf(dtype, values) : values;
  let owners = 1;
  const { byteLength } = array;
  memory.bytes += byteLength;
  memory.arrays++;
  memory.peakBytes = Math.max(memory.peakBytes, memory.bytes);
  return {
    array,
    byteLength,
    retain: () => void owners++,
    release: () => {
      if (--owners > 0) return;
      memory.bytes -= byteLength;
      memory.arrays--;
    },
  };
}
