import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";

/** The operation that {@linkcode logicalNot} records. */
export const LOGICAL_NOT: Operation<undefined> = {
  name: "logical_not",
  operandCount: 1,
  infer: ([x]) => {
    const { shape, dtype } = x!;
    if (dtype !== "bool") {
      throw new TypeError(
        `Cannot logical_not a tensor of ${dtype}: compare it or cast it to bool first`,
      );
    }
    return { shape, dtype };
  },
  reference: ([x]) => x!.map((value) => Number(value === 0)),
  expression: ([x]) => `(!${x})`,
};

/**
 * Turns each boolean into the other one.
 *
 * @example Usage
 * ```ts
 * import { greater, logicalNot } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const result = logicalNot(greater(device.tensor([1, 2, 3]), 2));
 * assertEquals(await result.data(), Uint8Array.of(1, 1, 0));
 * ```
 *
 * @param x The booleans.
 * @returns The opposite booleans, of the shape of `x`.
 * @throws {TypeError} If `x` is not of booleans.
 */
export function logicalNot(x: Tensor): Tensor {
  return record(LOGICAL_NOT, [x], undefined);
}
