import type { DType } from "./dtype.ts";
import type { Shape } from "./shape.ts";
import type { ReduceOptions } from "./ops/sum.ts";
import type { Tensor } from "./tensor.ts";

/** The operations that have a method. */
export type FluentOperations = Pick<
  typeof import("./ops/mod.ts"),
  keyof FluentTensor
>;

// Set once, by `ops/mod.ts`: operations import Tensor, so it cannot import them.
let operations: FluentOperations | undefined;

/**
 * Says what the methods of a tensor call.
 *
 * @param table The operations, by name.
 */
export function bindOperations(table: FluentOperations): void {
  operations = table;
}

function bound(): FluentOperations {
  if (!operations) {
    throw new TypeError(
      'Cannot call a method of a tensor: import "@wick/core-tensor" first',
    );
  }
  return operations;
}

/**
 * The common operations as methods of a tensor: `x.matmul(w).add(b).silu()`.
 * Each does what the function of its name does.
 */
export abstract class FluentTensor {
  /** Adds, with broadcasting: see `add()`. */
  add(this: Tensor, b: Tensor | number): Tensor {
    return bound().add(this, b);
  }

  /** Subtracts, with broadcasting: see `sub()`. */
  sub(this: Tensor, b: Tensor | number): Tensor {
    return bound().sub(this, b);
  }

  /** Multiplies element by element, with broadcasting: see `mul()`. */
  mul(this: Tensor, b: Tensor | number): Tensor {
    return bound().mul(this, b);
  }

  /** Divides element by element, with broadcasting: see `div()`. */
  div(this: Tensor, b: Tensor | number): Tensor {
    return bound().div(this, b);
  }

  /** Takes the greater of each pair, with broadcasting: see `maximum()`. */
  maximum(this: Tensor, b: Tensor | number): Tensor {
    return bound().maximum(this, b);
  }

  /** Takes the smaller of each pair, with broadcasting: see `minimum()`. */
  minimum(this: Tensor, b: Tensor | number): Tensor {
    return bound().minimum(this, b);
  }

  /** Compares, with broadcasting: `bool`: see `equal()`. */
  equal(this: Tensor, b: Tensor | number): Tensor {
    return bound().equal(this, b);
  }

  /** Tells where this is less, with broadcasting: `bool`: see `less()`. */
  less(this: Tensor, b: Tensor | number): Tensor {
    return bound().less(this, b);
  }

  /** Tells where this is greater, with broadcasting: `bool`: see `greater()`. */
  greater(this: Tensor, b: Tensor | number): Tensor {
    return bound().greater(this, b);
  }

  /** Raises each element to a power: see `pow()`. */
  pow(this: Tensor, exponent: number): Tensor {
    return bound().pow(this, exponent);
  }

  /** Changes the sign of each element: see `neg()`. */
  neg(this: Tensor): Tensor {
    return bound().neg(this);
  }

  /** Takes the absolute value of each element: see `abs()`. */
  abs(this: Tensor): Tensor {
    return bound().abs(this);
  }

  /** Raises e to the power of each element: see `exp()`. */
  exp(this: Tensor): Tensor {
    return bound().exp(this);
  }

  /** Takes the natural logarithm of each element: see `log()`. */
  log(this: Tensor): Tensor {
    return bound().log(this);
  }

  /** Takes the square root of each element: see `sqrt()`. */
  sqrt(this: Tensor): Tensor {
    return bound().sqrt(this);
  }

  /** Takes one over the square root of each element: see `rsqrt()`. */
  rsqrt(this: Tensor): Tensor {
    return bound().rsqrt(this);
  }

  /** Squares each element: see `square()`. */
  square(this: Tensor): Tensor {
    return bound().square(this);
  }

  /** Takes the hyperbolic tangent of each element: see `tanh()`. */
  tanh(this: Tensor): Tensor {
    return bound().tanh(this);
  }

  /** Takes the logistic function of each element: see `sigmoid()`. */
  sigmoid(this: Tensor): Tensor {
    return bound().sigmoid(this);
  }

  /** Sets negative elements to zero: see `relu()`. */
  relu(this: Tensor): Tensor {
    return bound().relu(this);
  }

  /** Multiplies each element by its logistic function: see `silu()`. */
  silu(this: Tensor): Tensor {
    return bound().silu(this);
  }

  /** Multiplies each element by the normal distribution's share below it: see `gelu()`. */
  gelu(this: Tensor): Tensor {
    return bound().gelu(this);
  }

  /** Multiplies matrices over the last two axes: see `matmul()`. */
  matmul(this: Tensor, b: Tensor): Tensor {
    return bound().matmul(this, b);
  }

  /** Reorders the axes; swaps the last two if none are named: see `transpose()`. */
  transpose(this: Tensor, permutation?: readonly number[]): Tensor {
    return bound().transpose(this, permutation);
  }

  /** Gives the elements another shape; one size may be -1: see `reshape()`. */
  reshape(this: Tensor, shape: Shape): Tensor {
    return bound().reshape(this, shape);
  }

  /** Repeats the tensor to a shape: see `broadcastTo()`. */
  broadcastTo(this: Tensor, shape: Shape): Tensor {
    return bound().broadcastTo(this, shape);
  }

  /** Takes the part from `start` up to, not including, `end`: see `slice()`. */
  slice(
    this: Tensor,
    start: readonly number[],
    end?: readonly number[],
  ): Tensor {
    return bound().slice(this, start, end);
  }

  /** Changes the element type: see `cast()`. */
  cast(this: Tensor, dtype: DType): Tensor {
    return bound().cast(this, dtype);
  }

  /** Sums along axes, or all elements: see `sum()`. */
  sum(
    this: Tensor,
    axes?: number | readonly number[],
    options?: ReduceOptions,
  ): Tensor {
    return bound().sum(this, axes, options);
  }

  /** Averages along axes, or all elements: see `mean()`. */
  mean(
    this: Tensor,
    axes?: number | readonly number[],
    options?: ReduceOptions,
  ): Tensor {
    return bound().mean(this, axes, options);
  }

  /** Takes the greatest element along axes, or of all: see `amax()`. */
  amax(
    this: Tensor,
    axes?: number | readonly number[],
    options?: ReduceOptions,
  ): Tensor {
    return bound().amax(this, axes, options);
  }

  /** Takes the least element along axes, or of all: see `amin()`. */
  amin(
    this: Tensor,
    axes?: number | readonly number[],
    options?: ReduceOptions,
  ): Tensor {
    return bound().amin(this, axes, options);
  }

  /** Gives the place of the greatest element along an axis: `i32`: see `argmax()`. */
  argmax(this: Tensor, axis?: number): Tensor {
    return bound().argmax(this, axis);
  }

  /** Makes weights that sum to one along an axis: see `softmax()`. */
  softmax(this: Tensor, axis?: number): Tensor {
    return bound().softmax(this, axis);
  }

  /** Takes the logarithm of {@linkcode FluentTensor.softmax}: see `logSoftmax()`. */
  logSoftmax(this: Tensor, axis?: number): Tensor {
    return bound().logSoftmax(this, axis);
  }
}
