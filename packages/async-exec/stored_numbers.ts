import type { HostArray, Storage } from "@wick/core-tensor";
import { NUMBER_TYPES, type Numbers, type NumberType } from "@wick/graph";
import type { Backend } from "./backend.ts";

/** Some numbers on a device. */
interface StoredVersion {
  readonly storage: Storage;
  values: readonly number[];
}

// Operations of one structure with different numbers, run in turn, find theirs
// where they are. More would be more bind groups than are kept.
const MOST_VERSIONS = 4;

/**
 * The numbers of a plan on a device: the last few versions of them, the oldest
 * of which is written over when there is another.
 */
export class StoredNumbers {
  readonly #backend: Backend;
  /** The versions of each type, those used last at the end. */
  readonly #stored = new Map<NumberType, StoredVersion[]>();

  /**
   * Starts with none.
   *
   * @param backend Where they are stored.
   */
  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /**
   * Stores numbers: as many as the plan has, each time.
   *
   * @param numbers The numbers.
   * @returns What holds them, one for each type that there is.
   */
  with(numbers: Numbers | undefined): Storage[] {
    return NUMBER_TYPES.flatMap((dtype) => {
      const values = numbers?.[dtype] ?? [];
      return values.length === 0 ? [] : [this.#store(dtype, values)];
    });
  }

  #store(dtype: NumberType, values: readonly number[]): Storage {
    const versions = this.#stored.get(dtype) ?? [];
    this.#stored.set(dtype, versions);
    const known = versions.findIndex((version) =>
      values.every((value, k) => value === version.values[k])
    );
    if (known >= 0) versions.push(...versions.splice(known, 1));
    else if (versions.length < MOST_VERSIONS) {
      const storage = this.#backend.upload(arrayOf(dtype, values), dtype);
      versions.push({ storage, values });
    } else {
      const oldest = versions.shift()!;
      this.#backend.write(oldest.storage, arrayOf(dtype, values), dtype);
      oldest.values = values;
      versions.push(oldest);
    }
    return versions.at(-1)!.storage;
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const { storage } of [...this.#stored.values()].flat()) {
      storage.release();
    }
    this.#stored.clear();
  }
}

/** Numbers as a plan takes them: one more than there are. */
function arrayOf(dtype: NumberType, numbers: readonly number[]): HostArray {
  const values = [...numbers, 0];
  switch (dtype) {
    case "f32":
      return Float32Array.from(values);
    case "i32":
      return Int32Array.from(values);
    case "u32":
      return Uint32Array.from(values);
  }
}
