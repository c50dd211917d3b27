import { DTYPES, type DTypeTraits, promote } from "../dtype.ts";
import type { NodeOf, Operation, TensorNodeOf } from "../operation.ts";
import { broadcastShapes } from "../shape.ts";
import { record, Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { full } from "./full.ts";

/** The types in which shaders and the CPU device compute. */
export type Arithmetic = DTypeTraits["arithmetic"];

/** What an operation on each element of one tensor states. */
export interface UnaryRule<Attributes = undefined> {
  /** The name in errors and plans. */
  readonly name: string;
  /** The result for one element, in the common tongue. */
  readonly expression: (
    x: string,
    attributes: Attributes,
    type: Arithmetic,
  ) => string;
  /** The result for one element, in `float64`. */
  readonly reference: (x: number, attributes: Attributes) => number;
  /** Records the gradient of the operand. */
  readonly gradient?: (
    dy: Tensor,
    x: Tensor,
    y: Tensor,
    attributes: Attributes,
  ) => Tensor;
  /** Whether integers are allowed, and stay integers; or `i32` only. */
  readonly integers?: boolean | "signed";
}

/**
 * Makes an operation on each element of one tensor. The result is `f32`, or
 * the operand's type where integers are allowed.
 *
 * @param rule What it states.
 * @returns The operation.
 */
export function unaryOperation<Attributes = undefined>(
  rule: UnaryRule<Attributes>,
): Operation<Attributes> {
  const { gradient } = rule;
  return {
    name: rule.name,
    operandCount: 1,
    infer: ([x]) => {
      const { shape, dtype } = x!;
      if (DTYPES[dtype].float) return { shape, dtype: "f32" };
      const allowed = dtype === "i32"
        ? rule.integers
        : dtype === "u32" && rule.integers === true;
      if (allowed) return { shape, dtype };
      throw new TypeError(
        `Cannot ${rule.name} a tensor of ${dtype}: cast it to f32 first`,
      );
    },
    reference: ([x], { attributes }) =>
      x!.map((value) => rule.reference(value, attributes)),
    expression: ([x], { inputs, attributes }) =>
      rule.expression(x!, attributes, DTYPES[inputs[0]!.dtype].arithmetic),
    ...(gradient && {
      gradient: (
        dy: Tensor,
        { inputs: [x], output, attributes }: TensorNodeOf<Attributes>,
      ) => [
        () => gradient(dy, x!, output, attributes),
      ],
    }),
  };
}

/** What an operation on each pair of elements states. */
export interface BinaryRule {
  /** The name in errors and plans. */
  readonly name: string;
  /** The result for one pair, in the common tongue. */
  readonly expression: (a: string, b: string, type: Arithmetic) => string;
  /** The result for one pair, in `float64`. */
  readonly reference: (a: number, b: number) => number;
  /** Records the gradients of the operands. */
  readonly gradient?: (
    dy: Tensor,
    a: Tensor,
    b: Tensor,
  ) => readonly [() => Tensor, () => Tensor];
  /** Whether the result is `bool`, as comparisons are. */
  readonly compares?: boolean;
  /** Whether booleans are allowed. */
  readonly booleans?: boolean;
}

/**
 * Makes an operation on each pair of elements of two tensors of one shape.
 *
 * @param rule What it states.
 * @returns The operation.
 */
export function binaryOperation(rule: BinaryRule): Operation<undefined> {
  const { gradient } = rule;
  return {
    name: rule.name,
    operandCount: 2,
    infer: ([a, b]) => {
      const type = promote(rule.name, a!.dtype, b!.dtype);
      if (type === "bool" && !rule.booleans) {
        throw new TypeError(
          `Cannot ${rule.name} bool and bool: cast both to i32 or f32 first`,
        );
      }
      return {
        shape: broadcastShapes(rule.name, a!.shape, b!.shape),
        dtype: rule.compares ? "bool" : type,
      };
    },
    reference: ([a, b], { dtype }) => {
      const result = a!.map((value, i) => rule.reference(value, b![i]!));
      if (dtype === "i32") return result.map((value) => Math.trunc(value) | 0);
      return dtype === "u32"
        ? result.map((value) => Math.trunc(value) >>> 0)
        : result;
    },
    expression: ([a, b], { inputs, dtype }: NodeOf<undefined>) => {
      // Literals are of this type too, so one operand tells for both.
      const type = DTYPES[inputs[0]!.dtype].arithmetic;
      const text = rule.expression(a!, b!, type);
      return dtype === "i32" || dtype === "u32" ? `${dtype}(${text})` : text;
    },
    ...(gradient && {
      gradient: (dy: Tensor, { inputs: [a, b] }: TensorNodeOf<undefined>) =>
        gradient(dy, a!, b!),
    }),
  };
}

/**
 * Records an operation on pairs, its operands broadcast to one shape.
 *
 * @param operation The operation.
 * @param a The first operand.
 * @param b The second operand.
 * @returns The recorded result.
 * @throws {TypeError} If both operands are numbers.
 */
export function recordBinary(
  operation: Operation<undefined>,
  a: Tensor | number,
  b: Tensor | number,
): Tensor {
  const left = a instanceof Tensor ? a : numberLike(operation, a, b);
  const right = b instanceof Tensor ? b : numberLike(operation, b, a);
  const shape = broadcastShapes(operation.name, left.shape, right.shape);
  return record(
    operation,
    [broadcastTo(left, shape), broadcastTo(right, shape)],
    undefined,
  );
}

function numberLike(
  operation: Operation<undefined>,
  value: number,
  other: Tensor | number,
): Tensor {
  if (!(other instanceof Tensor)) {
    throw new TypeError(
      `Cannot ${operation.name} ${value} and ${other}: one operand must be a tensor`,
    );
  }
  const { arithmetic } = DTYPES[other.dtype];
  return full([], value, arithmetic);
}
