import { DTYPES } from "../dtype.ts";
import type {
  KernelCall,
  KernelRequest,
  TensorNodeOf,
  TensorSpec,
} from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { cast } from "./cast.ts";
import { div } from "./div.ts";
import { equal } from "./equal.ts";
import { mul } from "./mul.ts";
import {
  keptShape,
  reduceCall,
  reducedShape,
  type ReductionAttributes,
} from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { sum } from "./sum.ts";

/** What tells the greatest element from the least. */
export interface Extreme {
  /** The operation. */
  readonly name: string;
  /** How `a` compares with `b` where `b` is the result of both. */
  readonly comparison: "<" | ">";
  /** The body of the kernel's `nothing()`, by type. */
  readonly nothing: Readonly<Record<"f32" | "i32" | "u32", string>>;
}

/**
 * Gives shape and type of the greatest or least elements along axes.
 *
 * @param extreme Which of both.
 * @param x The operand.
 * @param attributes The axes.
 * @returns The shape without the axes, and the type of arithmetic on `x`.
 * @throws {RangeError} If there are no elements along the axes.
 * @throws {TypeError} If the operand is of booleans.
 */
export function extremeSpec(
  { name }: Extreme,
  x: TensorSpec,
  attributes: ReductionAttributes,
): TensorSpec {
  const { axis, count } = attributes;
  if (x.shape.slice(axis, axis + count).includes(0)) {
    throw new RangeError(
      `Cannot ${name} [${x.shape}] on axis ${axis}: it has no elements`,
    );
  }
  const dtype = DTYPES[x.dtype].arithmetic;
  if (dtype === "bool") {
    throw new TypeError(`Cannot ${name} booleans: cast them to i32 first`);
  }
  return { shape: reducedShape(x.shape, attributes), dtype };
}

/**
 * Gives the call of the reducing kernel for the greatest or least element.
 *
 * @param extreme Which of both.
 * @param request What is asked.
 * @returns The call.
 */
export function extremeCall(
  { comparison, nothing }: Extreme,
  request: KernelRequest<ReductionAttributes>,
): KernelCall {
  const { dtype } = request.output;
  const type = dtype === "i32" || dtype === "u32" ? dtype : "f32";
  const last = `a ${comparison} b`;
  // NaN is found by its bits, since comparisons with it are false.
  const isNan = "(bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u";
  const takeLast = type === "f32" ? `${last} || ${isNan}` : last;
  return {
    ...reduceCall(request),
    types: { Element: type, Total: type },
    hooks: {
      nothing: nothing[type],
      joined: `return select(a, b, ${takeLast});`,
    },
  };
}

/**
 * Records the gradient of the greatest or least element: equal ones share it.
 *
 * @param dy The gradient of the result.
 * @param node The recorded operation.
 * @returns The gradient of the operand.
 */
export function extremeGradient(
  dy: Tensor,
  { inputs: [x], output, attributes }: TensorNodeOf<ReductionAttributes>,
): readonly (() => Tensor)[] {
  const kept = keptShape(x!.shape, attributes);
  const { axis, count } = attributes;
  return [() => {
    const most = broadcastTo(reshape(output, kept), x!.shape);
    const chosen = cast(equal(x!, most), "f32");
    const axes = Array.from({ length: count }, (_, i) => axis + i);
    const share = div(dy, sum(chosen, axes));
    return mul(chosen, broadcastTo(reshape(share, kept), x!.shape));
  }];
}
