import type { DType, Operation, Shape, View } from "@wick/core-tensor";

/** Where a step reads or writes: bytes that something is kept in. */
export interface Slot {
  /** How many bytes. */
  readonly bytes: number;
  /** What holds them: an input of the plan, a buffer of its own that steps
   * share in turn, a result, made anew for each evaluation, or `count` elements
   * of a slot before it, from the first on. */
  readonly place:
    | { readonly kind: "leaf"; readonly index: number }
    | { readonly kind: "buffer"; readonly index: number }
    | { readonly kind: "result"; readonly index: number }
    | {
      readonly kind: "part";
      readonly slot: number;
      readonly first: number;
      readonly count: number;
    };
}

/** An operand of a step. */
export interface StepOperand {
  /** The number of the slot it lies in. */
  readonly slot: number;
  /** The element type. */
  readonly dtype: DType;
  /** Its logical shape and where its elements lie in the slot. */
  readonly view: View;
  /** The elements of the whole slot, where the type is quantized. */
  readonly elements?: number;
}

/**
 * A line of fused code. Indexes are logical: element `i` of a view is the one
 * at row-major position `i` of its shape. `i` and `value` are given.
 */
export type FusedLine =
  /** `name` = where element `of` of the view lies. */
  | {
    readonly kind: "index";
    readonly name: string;
    readonly of: string;
    readonly view: View;
  }
  /** `name` = element `at` of an operand. */
  | {
    readonly kind: "load";
    readonly name: string;
    readonly operand: number;
    readonly at: string;
  }
  /** `name` = an expression in the common tongue. */
  | { readonly kind: "value"; readonly name: string; readonly text: string };

/** Element-wise code that is run on each element of a result. */
export interface FusedCode {
  /** What it loads from. */
  readonly operands: readonly StepOperand[];
  /** Its lines, in order. */
  readonly lines: readonly FusedLine[];
  /** The name or literal that is the result. */
  readonly result: string;
}

/** An operand that a kernel computes as it loads it. */
export interface ComputedOperand {
  /** Nothing holds it. */
  readonly slot?: undefined;
  /** The element type. */
  readonly dtype: DType;
  /** Its logical shape and where its elements lie among those of `shape`. */
  readonly view: View;
  /** The shape of what the code computes, row by row. */
  readonly shape: Shape;
  /** What gives element `i`. */
  readonly code: FusedCode;
  /** The slot that each element is also written to, if others need it. */
  readonly stored?: number;
}

/** An operation that has a kernel, applied to operands. */
export interface StepMain {
  /** The operation. */
  readonly operation: Operation;
  /** Its options. */
  readonly attributes: unknown;
  /** Its operands. */
  readonly operands: readonly (StepOperand | ComputedOperand)[];
  /** The shape of its result, before fused code. */
  readonly shape: Shape;
  /** The type of its result, before fused code. */
  readonly dtype: DType;
}

/** One dispatch. */
export interface Step {
  /** The operations in it, for people: `matmul+add+silu`. */
  readonly label: string;
  /** The operation with a kernel; absent if all is element-wise. */
  readonly main: StepMain | undefined;
  /** What is done to each element of its result; absent if nothing. */
  readonly fused: FusedCode | undefined;
  /** The number of the slot written. */
  readonly output: number;
  /** The shape of what is written. */
  readonly shape: Shape;
  /** The type of what is written. */
  readonly dtype: DType;
  /**
   * Steps that the same threads run after it, one by one for each element: they
   * may read what it and those before them give for that element. Absent if
   * there are none.
   */
  readonly then?: readonly Step[];
  /** Independent steps that run in the same dispatch; absent if there are none. */
  readonly beside?: readonly Step[];
}

/** What to run, in order: plain data. */
export interface Plan {
  /** The dispatches. */
  readonly steps: readonly Step[];
  /** The slots that steps name. */
  readonly slots: readonly Slot[];
  /** The bytes of each buffer that steps share. */
  readonly buffers: readonly number[];
  /** The slot of each root. */
  readonly results: readonly number[];
  /** The nodes that the graph had, for reports. */
  readonly nodeCount: number;
  /** The dispatches that there would be without fusion. */
  readonly unfusedCount: number;
  /** The bytes of all temporary values if none shared a buffer. */
  readonly unsharedBytes: number;
}
