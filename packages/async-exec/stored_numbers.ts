import type { HostArray, Storage } from "@wick/core-tensor";
import { NUMBER_TYPES, type Numbers, type NumberType } from "@wick/graph";
import type { Backend } from "./backend.ts";

/** The numbers of a plan on a device, written again only where they changed. */
export class StoredNumbers {
  readonly #backend: Backend;
  readonly #stored = new Map<
    NumberType,
    { readonly storage: Storage; values: readonly number[] }
  >();

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
    const storages: Storage[] = [];
    for (const dtype of NUMBER_TYPES) {
      const values = numbers?.[dtype] ?? [];
      if (values.length === 0) continue;
      let stored = this.#stored.get(dtype);
      if (!stored) {
        const storage = this.#backend.upload(arrayOf(dtype, values), dtype);
        stored = { storage, values };
        this.#stored.set(dtype, stored);
      } else if (values.some((value, k) => value !== stored!.values[k])) {
        const array = arrayOf(dtype, values);
        this.#backend.write(stored.storage, array, dtype);
        stored.values = values;
      }
      storages.push(stored.storage);
    }
    return storages;
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const { storage } of this.#stored.values()) storage.release();
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
