import type { Operation, TensorSpec } from "../operation.ts";
import { elementCount, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { full } from "./full.ts";
import type { ReductionSizes } from "./reduction.ts";
import { requireFloat } from "./require_float.ts";

/** The options of a norm. */
export interface NormAttributes {
  /** What is added under the root. */
  readonly eps: number;
}

/**
 * Gives the rows of a norm: the last axis.
 *
 * @param shape The shape of its operand.
 * @returns How many rows there are, and how long.
 */
export function normSizes(shape: Shape): ReductionSizes {
  return {
    outer: elementCount(shape.slice(0, -1)),
    length: shape.at(-1)!,
    inner: 1,
  };
}

/**
 * Tells how often the kernel of a norm, or of its gradient, reads its operands.
 *
 * @param rows The operands that are rows; the others are for each feature.
 * @returns The rule of the operation.
 */
export function normReads(
  ...rows: readonly number[]
): NonNullable<Operation<NormAttributes>["readsOf"]> {
  return (index, { shape }) =>
    rows.includes(index) ? 3 : normSizes(shape).outer;
}

/**
 * Checks the operands of a norm: rows, then weight and bias for each feature.
 *
 * @param name The operation, for the error message.
 * @param operands The operands.
 * @returns Shape and type of the result.
 * @throws {RangeError} If a weight has another size than the rows.
 * @throws {TypeError} If an operand holds no fractions.
 */
export function checkNorm(
  name: string,
  operands: readonly TensorSpec[],
): TensorSpec {
  const [x, ...scales] = operands;
  if (x!.shape.length === 0) {
    throw new RangeError(`Cannot ${name} []: it has no axis, and needs 1`);
  }
  for (const scale of scales) {
    requireFloat(name, scale);
    if (scale.shape.length !== 1 || scale.shape[0] !== x!.shape.at(-1)) {
      throw new RangeError(
        `Cannot ${name} [${
          x!.shape
        }] with a weight or bias of [${scale.shape}]: it must be [${
          x!.shape.at(-1)
        }]`,
      );
    }
  }
  return requireFloat(name, x!);
}

/**
 * Gives a weight or bias that is the same for each feature.
 *
 * @param x The rows.
 * @param value The value.
 * @returns One element, repeated.
 */
export function normConstant(x: Tensor, value: number): Tensor {
  return broadcastTo(full([1], value), [x.shape.at(-1) ?? 1]);
}
