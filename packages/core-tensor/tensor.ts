import { type DType, DTYPES, type HostArray } from "./dtype.ts";
import { isQuantized, QUANTIZED_DTYPES } from "./quantized_dtype.ts";
import type { EvaluateOptions, Executor, Storage } from "./executor.ts";
import { FluentTensor } from "./fluent.ts";
import type { Operation } from "./operation.ts";
import type { Shape } from "./shape.ts";
import { elementCount } from "./shape.ts";

const NONE: readonly Tensor[] = [];

/**
 * A value that is known, its elements on a device, or one that is recorded:
 * an operation and its operands, evaluated when somebody asks.
 */
export class Tensor extends FluentTensor {
  /** The size along each axis. */
  readonly shape: Shape;
  /** The element type. */
  readonly dtype: DType;
  /** The executor that the tensor was made with; none on constants. */
  readonly executor: Executor | undefined;
  /** Whether a trainable tensor is among what this one is made from. */
  readonly tracked: boolean;
  /** The operation that makes this tensor, absent on a known one. */
  operation: Operation | undefined;
  /** The operands of the operation. */
  inputs: readonly Tensor[];
  /** The options of the operation. */
  attributes: unknown;
  /** The elements, once they are known. */
  storage: Storage | undefined;
  #disposed = false;

  /**
   * Use `device.tensor()` or an operation instead.
   *
   * @param shape The size along each axis.
   * @param dtype The element type.
   * @param executor What evaluates it.
   * @param tracked Whether gradients may be asked for.
   */
  constructor(
    shape: Shape,
    dtype: DType,
    executor: Executor | undefined,
    tracked: boolean,
  ) {
    super();
    this.shape = shape;
    this.dtype = dtype;
    this.executor = executor;
    this.tracked = tracked;
    this.operation = undefined;
    this.inputs = NONE;
    this.attributes = undefined;
    this.storage = undefined;
  }

  /** The number of elements. */
  get size(): number {
    return elementCount(this.shape);
  }

  /** Whether the elements are on a device, so that nothing is left to run. */
  get known(): boolean {
    return this.storage !== undefined;
  }

  /**
   * Gives the tensor its elements. A tensor that no trainable one is part of
   * forgets how it was made, so that loops do not grow without bound.
   *
   * @param storage The elements, of which the tensor becomes an owner.
   */
  settle(storage: Storage): void {
    this.storage = storage;
    FORGOTTEN.register(this, storage, this);
    if (!this.tracked) {
      this.operation = undefined;
      this.inputs = NONE;
      this.attributes = undefined;
    }
  }

  /**
   * Puts the elements elsewhere.
   *
   * @param storage Where they are now, of which the tensor becomes an owner.
   */
  move(storage: Storage): void {
    FORGOTTEN.unregister(this);
    this.storage?.release();
    this.storage = storage;
    FORGOTTEN.register(this, storage, this);
  }

  /**
   * Starts the evaluation, without waiting for the device.
   *
   * @returns This tensor.
   */
  eval(): this {
    if (!this.known) this.requireExecutor("evaluate").evaluate([this]);
    return this;
  }

  /**
   * Evaluates and waits until the device is done.
   *
   * @param options When to stop waiting.
   * @returns This tensor.
   */
  async evalAsync(options?: EvaluateOptions): Promise<this> {
    await this.requireExecutor("evaluate").evaluateAsync([this], options);
    return this;
  }

  /**
   * Evaluates if need be and reads the elements, row by row. 16-bit floats
   * and what is quantized come as `Float32Array`, booleans as `Uint8Array`.
   *
   * @returns The elements.
   */
  async data(): Promise<HostArray> {
    const executor = this.requireExecutor("read");
    this.eval();
    return await executor.read(this);
  }

  /**
   * Evaluates and reads a tensor of one element.
   *
   * @returns The element.
   * @throws {RangeError} If there are more elements than one.
   */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new RangeError(
        `Cannot take the item of [${this.shape}]: it has ${this.size} elements, not 1`,
      );
    }
    return (await this.data())[0]!;
  }

  /** Gives the elements back to the device; the tensor is of no use after. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.storage) {
      FORGOTTEN.unregister(this);
      this.storage.release();
      this.storage = undefined;
    }
    this.operation = undefined;
    this.inputs = NONE;
  }

  /** The same as {@linkcode Tensor.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * Gives the executor, or says why there is none.
   *
   * @param what What it is wanted for.
   * @returns The executor.
   * @throws {TypeError} If the tensor was disposed of or has no device.
   */
  requireExecutor(what: string): Executor {
    if (this.#disposed) {
      throw new TypeError(
        `Cannot ${what} a tensor of ${this.dtype} [${this.shape}]: it was disposed of`,
      );
    }
    if (!this.executor) {
      throw new TypeError(
        `Cannot ${what} a constant of [${this.shape}]: no operand has a device, make one with device.tensor()`,
      );
    }
    return this.executor;
  }

  /** Whether {@linkcode Tensor.dispose} was called. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** How a tensor prints. */
  override toString(): string {
    const state = this.#disposed
      ? "disposed"
      : this.known
      ? "known"
      : this.operation?.name ?? "empty";
    return `Tensor(${this.dtype} [${this.shape}], ${state})`;
  }

  /** How `console.log` shows a tensor. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

// The safety net under `using`: the collector does not know what device bytes
// weigh, so it runs late, and nothing may rely on it.
const FORGOTTEN = new FinalizationRegistry((storage: Storage) =>
  storage.release()
);

/**
 * Records an operation: infers shape and type, runs nothing unless an operand
 * belongs to an eager executor.
 *
 * @param operation The operation.
 * @param inputs Its operands.
 * @param attributes Its options: plain data, since plans are cached by it.
 * @returns The recorded tensor.
 * @throws {TypeError} If an operand was disposed of, or two are on different
 *   devices.
 */
export function record<Attributes>(
  operation: Operation<Attributes>,
  inputs: readonly Tensor[],
  attributes: Attributes,
): Tensor {
  let executor: Executor | undefined;
  let tracked = false;
  for (const input of inputs) {
    if (input.disposed) {
      throw new TypeError(
        `Cannot ${operation.name} a tensor of [${input.shape}]: it was disposed of`,
      );
    }
    tracked ||= input.tracked;
    const other = input.executor;
    if (!other || other === executor) continue;
    if (executor && executor.device !== other.device) {
      throw new TypeError(
        `Cannot ${operation.name} tensors of ${executor.name} and ${other.name}: both must be on one device`,
      );
    }
    if (!executor || other.evaluatesEagerly) executor = other;
  }
  const { shape, dtype } = operation.infer(inputs, attributes);
  const tensor = new Tensor(shape, dtype, executor, tracked);
  tensor.operation = operation;
  tensor.inputs = inputs;
  tensor.attributes = attributes;
  if (executor?.evaluatesEagerly && !operation.view && inputs.length > 0) {
    executor.evaluate([tensor]);
  }
  return tensor;
}

/** Options of {@linkcode knownTensor}. */
export interface KnownTensorOptions {
  /** Whether gradients may be asked for after an evaluation. */
  readonly trainable?: boolean;
}

/**
 * Makes a tensor of elements that are on a device already.
 *
 * @param storage The elements, of which the tensor becomes an owner.
 * @param shape The size along each axis.
 * @param dtype The element type.
 * @param executor What evaluates what is made from it.
 * @param options Whether it is trained.
 * @returns The known tensor.
 * @throws {RangeError} If it is quantized and its rows are no whole groups.
 * @throws {TypeError} If it is to be trained and has no gradient.
 */
export function knownTensor(
  storage: Storage,
  shape: Shape,
  dtype: DType,
  executor: Executor,
  options: KnownTensorOptions = {},
): Tensor {
  if (options.trainable && !DTYPES[dtype].float) {
    throw new TypeError(
      `Cannot train a tensor of ${dtype}: it has no gradient`,
    );
  }
  if (isQuantized(dtype)) {
    const { groupSize } = QUANTIZED_DTYPES[dtype];
    const length = shape.at(-1) ?? 1;
    if (length % groupSize !== 0) {
      throw new RangeError(
        `Cannot make a tensor of [${shape}] in ${dtype}: the last size must be a multiple of ${groupSize}`,
      );
    }
    if (options.trainable) {
      throw new TypeError(
        `Cannot train a tensor of ${dtype}: quantized weights are frozen, train an adapter on them`,
      );
    }
  }
  const tensor = new Tensor(shape, dtype, executor, options.trainable ?? false);
  tensor.settle(storage);
  return tensor;
}
