import type { DType } from "./dtype.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import type { View } from "./view.ts";

/** The shape and the element type of a tensor. */
export interface TensorSpec {
  /** The size along each axis. */
  readonly shape: Shape;
  /** The element type. */
  readonly dtype: DType;
}

/** A recorded operation as its rules see it. */
export interface NodeOf<Attributes> extends TensorSpec {
  /** The operands. */
  readonly inputs: readonly TensorSpec[];
  /** The options of the operation. */
  readonly attributes: Attributes;
}

/** A recorded operation whose operands are tensors. */
export interface TensorNodeOf<Attributes> extends NodeOf<Attributes> {
  /** The operands. */
  readonly inputs: readonly Tensor[];
  /** The result, for gradients that are simplest in terms of it. */
  readonly output: Tensor;
}

/**
 * That a kernel has variants, of which one can be measured to be the best.
 */
export interface KernelTuning {
  /** What kind of work it is: a choice holds for all calls of that kind. */
  readonly key: string;
  /** The names of variants that can do it, the default first. */
  readonly choices: readonly string[];
  /** The one that was taken. */
  readonly choice: string;
  /** Multiplications and additions of the call. */
  readonly operations: number;
  /** What integers among its operands are when it is measured; 0 if absent. */
  readonly integers?: number;
}

/** What a device tells the rules that choose kernels. */
export interface DeviceTraits {
  /** `"software"` for a rasteriser on the CPU, which dislikes barriers. */
  readonly adapterClass: "software" | "gpu";
  /** Threads of a workgroup at most. */
  readonly maxWorkgroupThreads: number;
  /** Bytes of workgroup memory at most. */
  readonly maxWorkgroupBytes: number;
  /** Storage buffers of a kernel at most. */
  readonly maxStorageBuffers: number;
  /** Bytes of a tensor at most; unlimited if absent. */
  readonly maxTensorBytes?: number;
  /** Bytes that a part of a buffer must start at a multiple of; 256 if absent. */
  readonly partAlignment?: number;
  /**
   * Neighbouring threads that can read each other's registers, where that is
   * always the same number; absent if they cannot.
   */
  readonly subgroupSize?: number;
  /** Whether it is busy with one small kernel already; no if absent. */
  readonly isSequential?: boolean;
  /** Steps that one dispatch may run at most; 1 if absent. */
  readonly maxDispatchSteps?: number;
  /** The variants that were measured to be the best, by the kind of work. */
  readonly tuned?: ReadonlyMap<string, string>;
}

/** An operand as a kernel reads it: its elements lie as `view` says. */
export interface KernelOperand {
  /** The element type. */
  readonly dtype: DType;
  /** The logical shape, and where its elements lie. */
  readonly view: View;
  /** The elements of the whole buffer, where the type is quantized. */
  readonly elements?: number;
  /**
   * Present where nothing is stored: fused code gives each element as it is
   * loaded, through the kernel's hook. `vectors` says whether it can give four
   * neighbours at once.
   */
  readonly computed?: { readonly vectors: boolean };
}

/** What an operation is asked when a kernel has to be chosen. */
export interface KernelRequest<Attributes> {
  /** The options of the operation. */
  readonly attributes: Attributes;
  /** The operands. */
  readonly inputs: readonly KernelOperand[];
  /** The result, which always lies row by row. */
  readonly output: TensorSpec;
  /** What the device is like. */
  readonly device: DeviceTraits;
  /**
   * A call for a result of the same shape, if each thread must compute the same
   * elements as in that. Only products of matrices are asked for it; one that
   * cannot gives the call that it would give without.
   */
  readonly like?: KernelCall;
}

/** One call of a kernel, as plain data. */
export interface KernelCall {
  /** The file in `kernels/`, without its ending. */
  readonly kernel: string;
  /** Values of the kernel's `const` sizes. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Type aliases of the kernel to set, such as `{ Output: "i32" }`. */
  readonly types?: Readonly<Record<string, string>>;
  /** Bodies of the kernel's functions to set. */
  readonly hooks?: Readonly<Record<string, string>>;
  /**
   * Whether the lanes of a row, `LANES`, combine what they hold from register to
   * register, as far as a subgroup goes; no if absent.
   */
  readonly subgroups?: boolean;
  /** Workgroups, spread over two dimensions by the device where needed. */
  readonly workgroups: number | readonly [number, number, number];
  /** Absent if there is nothing to choose. */
  readonly tuning?: KernelTuning;
}

/**
 * What every operation states, whatever runs it. An operation is done on a
 * device in one of three ways: an `expression` for each element, which can be
 * fused; a `view`, which is no work; or a `kernel`.
 */
export interface Operation<Attributes = unknown> {
  /** The name in errors, plans and files. */
  readonly name: string;
  /** How many operands it takes, where that is always the same. */
  readonly operandCount?: number;
  /** Gives shape and type of the result, or throws the user's error. */
  infer(inputs: readonly TensorSpec[], attributes: Attributes): TensorSpec;
  /** Gives the result in `float64`: slow and true. Booleans are 0 and 1. */
  reference(
    inputs: readonly Float64Array[],
    node: NodeOf<Attributes>,
  ): Float64Array;
  /**
   * Gives, for each operand, a function that records its gradient from `dy`;
   * `undefined` where there is none. Only the wanted ones are called.
   */
  gradient?(
    dy: Tensor,
    node: TensorNodeOf<Attributes>,
  ): readonly ((() => Tensor) | undefined)[];
  /**
   * One expression per element, in the common tongue of WGSL and JavaScript:
   * operators, `select`, and the functions of `kernels/functions.wgsl`.
   */
  expression?(operands: readonly string[], node: NodeOf<Attributes>): string;
  /** The result as a view of the operand, or `undefined` if it needs a copy. */
  view?(input: View, node: NodeOf<Attributes>): View | undefined;
  /** The kernel call that computes the result. */
  kernel?(request: KernelRequest<Attributes>): KernelCall;
  /**
   * Whether the kernel can read operand `index` as `view` says (through its
   * load hook or by strides); operands it cannot read are copied first.
   * Absent: every operand through its load hook.
   */
  accepts?(index: number, operand: KernelOperand): boolean;
  /** Whether its operands are constants for gradients; no if absent. */
  readonly stopsGradient?: boolean;
  /**
   * How often, about, the kernel reads each element of operand `index` through
   * its hook, `load_NAME` or `read_NAME`: what bounds the work when
   * element-wise code goes into its loads. Absent, or `undefined` for an
   * operand, where no code may.
   */
  readsOf?(index: number, node: NodeOf<Attributes>): number | undefined;
  /**
   * The operands of which the kernel reads every element, wherever they lie
   * whole, so that code in its loads can store what it computes on the way.
   */
  readonly loadsAll?: readonly number[];
  /**
   * Whether workgroups of its kernel have one size, whatever the operands, so
   * that calls with different ones can be one dispatch.
   */
  readonly oneWorkgroupSize?: boolean;
  /** The operand that is updated in place; the result shares its bytes. */
  readonly updates?: number;
  /** Further operands that are updated in place beside it. */
  readonly alsoUpdates?: readonly number[];
  /**
   * The kind of operations that may run in one dispatch with it; its name if
   * absent. An operation that updates an operand runs beside others only if it
   * states one: what it updates must be no part of a larger buffer.
   */
  readonly besides?: string;
}
