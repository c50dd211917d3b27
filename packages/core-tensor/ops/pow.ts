import type { Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { unaryOperation } from "./elementwise.ts";
import { literal } from "./full.ts";
import { mul } from "./mul.ts";

/** The options of {@linkcode pow}. */
export interface PowAttributes {
  /** The power. */
  readonly exponent: number;
}

/** The operation that {@linkcode pow} records. */
export const POW: Operation<PowAttributes> = unaryOperation({
  name: "pow",
  expression: (x, { exponent }) => powText(x, exponent),
  reference: (x, { exponent }) => Math.pow(x, exponent),
  gradient: (dy, x, _, { exponent }) =>
    exponent === 0 ? mul(dy, 0) : mul(dy, mul(exponent, pow(x, exponent - 1))),
});

/**
 * Raises each element to a power.
 *
 * @example Usage
 * ```ts
 * import { pow } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertClose(await pow(device.tensor([2, -3]), 3).data(), [8, -27]);
 * ```
 *
 * @param x The tensor.
 * @param exponent The power.
 * @returns The powers, of the shape of `x`; NaN for a negative element and an
 *   exponent that is not whole.
 * @throws {RangeError} If the exponent is not finite.
 * @throws {TypeError} If `x` holds no fractions.
 */
export function pow(x: Tensor, exponent: number): Tensor {
  if (!Number.isFinite(exponent)) {
    throw new RangeError(
      `Cannot pow [${x.shape}] to ${exponent}: the exponent must be finite`,
    );
  }
  return record(POW, [x], { exponent });
}

// Products are exact, and quicker than a logarithm.
const MOST_FACTORS = 8;

/** WGSL's `pow` knows no negative base, and is not exact for squares. */
function powText(x: string, exponent: number): string {
  const size = Math.abs(exponent);
  if (exponent === 0) return "f32(1.0)";
  if (size === 0.5) return exponent > 0 ? `sqrt(${x})` : `inverseSqrt(${x})`;
  if (Number.isInteger(size) && size <= MOST_FACTORS) {
    const product = `(${new Array(size).fill(x).join(" * ")})`;
    return exponent > 0 ? product : `(1.0 / ${product})`;
  }
  const power = `pow(abs(${x}), ${literal(exponent, "f32")})`;
  if (!Number.isInteger(exponent)) {
    return `select(${power}, nan(), ${x} < 0.0)`;
  }
  return exponent % 2 === 0 ? power : `select(${power}, -${power}, ${x} < 0.0)`;
}
