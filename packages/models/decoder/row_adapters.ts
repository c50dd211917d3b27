import type { Tensor } from "@wick/core-tensor";

/** What gives each row of a batch an adapter of its own, or none. */
export interface RowAdapters {
  /** The names of the adapters, by their number. */
  readonly names: readonly string[];
  /**
   * Says which adapter each row has in what is recorded from now on.
   *
   * @param rows The number of each row's adapter, `i32 [batch]`, -1 for none; no
   *   row has one if absent. It is read when the plan runs.
   */
  useRows(rows: Tensor | undefined): void;
}

/**
 * Gives the numbers of adapters.
 *
 * @param adapters What a model has; see `CausalLanguageModel.rowAdapters`.
 * @param names The adapter of each row, by name; `null` for none.
 * @returns Their numbers, -1 for none.
 * @throws {RangeError} If there is no adapter of a name.
 */
export function adapterNumbers(
  adapters: RowAdapters | undefined,
  names: readonly (string | null)[],
): Int32Array<ArrayBuffer> {
  return Int32Array.from(names, (name) => {
    const number = name === null ? -1 : adapters?.names.indexOf(name) ?? -1;
    if (name !== null && number < 0) {
      throw new RangeError(
        `Cannot run a row with the adapter "${name}": those that rows can have are ${
          adapters?.names.join(", ") || "none, put an AdapterMix into the model"
        }`,
      );
    }
    return number;
  });
}
