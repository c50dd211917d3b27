import {
  type DType,
  elementCount,
  type EvaluateOptions,
  type Executor,
  type HostArray,
  knownTensor,
  type Shape,
  type Storage,
  type Tensor,
} from "@wick/core-tensor";
import {
  buildPlan,
  ComputationGraph,
  explain,
  type Plan,
  structureOf,
} from "@wick/graph";
import type { Backend, DeviceStatistics } from "./backend.ts";
import { hostArray, type NestedNumbers } from "./host_array.ts";
import { RecentMap } from "./recent_map.ts";
import { Capture } from "./capture.ts";
import { runPlan, withResults } from "./run_plan.ts";
import { StoredNumbers } from "./stored_numbers.ts";

/** Options of {@linkcode Device.tensor}. */
export interface TensorOptions {
  /** The size along each axis; that of the nested arrays if absent. */
  readonly shape?: Shape;
  /** The element type; that of the typed array, else `f32`, if absent. */
  readonly dtype?: DType;
  /** Whether it is trained: gradients may be asked for after evaluations. */
  readonly trainable?: boolean;
}

/** What {@linkcode Device.gather} gives. */
export interface GatheredTensors {
  /** All elements, as one axis. */
  readonly flat: Tensor;
  /** The elements from the start of each tensor to that of the next. */
  readonly counts: readonly number[];
}

// Plans are small, but each keeps its pipelines alive.
const MAX_PLANS = 512;

/**
 * A device with its memory: makes tensors and evaluates them. Get one from
 * `openDevice()` and close it by scope.
 *
 * ```ts
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[1, 2], [3, 4]]);
 * assertClose(await x.data(), [1, 2, 3, 4]);
 * ```
 */
export class Device implements Executor {
  /** Whether operations are evaluated as they are recorded. */
  readonly evaluatesEagerly: boolean;
  readonly #backend: Backend;
  readonly #plans: RecentMap<string, KnownPlan>;
  #eagerTwin: Device | undefined;

  /**
   * Use `openDevice()` instead.
   *
   * @param backend What runs plans.
   * @param lazy The device that this is the eager twin of.
   */
  constructor(backend: Backend, lazy?: Device) {
    this.#backend = backend;
    this.evaluatesEagerly = lazy !== undefined;
    this.#plans = lazy
      ? lazy.#plans
      : new RecentMap(MAX_PLANS, ({ stored }) => stored[Symbol.dispose]());
  }

  /** `"webgpu"` or `"cpu"`. */
  get name(): "webgpu" | "cpu" {
    return this.#backend.name;
  }

  /** Whether to wait for it holds up the thread: a GPU does in Deno. */
  get holdsUpThread(): boolean {
    return this.#backend.name === "webgpu";
  }

  /** See {@linkcode Executor.bestInFlight}. */
  get bestInFlight(): number {
    // Software takes work only when it has done what came before.
    return this.#backend.traits.adapterClass === "software" ? 1 : 2;
  }

  /** What the device is, for people. */
  get description(): string {
    return this.#backend.description;
  }

  /** What tells tensors of one device from those of another. */
  get device(): object {
    return this.#backend;
  }

  /** What runs the plans. */
  get backend(): Backend {
    return this.#backend;
  }

  /**
   * The same device, evaluating each operation as it is recorded: the baseline
   * of benchmarks, and a way to find the operation that fails.
   */
  get eager(): Device {
    if (this.evaluatesEagerly) return this;
    this.#eagerTwin ??= new Device(this.#backend, this);
    return this.#eagerTwin;
  }

  /**
   * Puts values on the device.
   *
   * @param values Numbers, nested arrays of them, or a typed array.
   * @param options Shape and type.
   * @returns The known tensor.
   * @throws {RangeError} If the values do not fill the shape.
   */
  tensor(values: NestedNumbers, options: TensorOptions = {}): Tensor {
    const { array, shape, dtype } = hostArray(values, options);
    return knownTensor(
      this.#backend.upload(array, dtype),
      shape,
      dtype,
      this,
      options.trainable === undefined ? {} : { trainable: options.trainable },
    );
  }

  /**
   * Puts the bytes of a file on the device, 16-bit floats as they are.
   *
   * @param bytes Little-endian elements, row by row.
   * @param shape The size along each axis.
   * @param dtype The element type, not `bool`.
   * @returns The known tensor.
   */
  tensorFromBytes(bytes: Uint8Array, shape: Shape, dtype: DType): Tensor {
    const storage = this.#backend.uploadBytes(
      bytes,
      dtype,
      elementCount(shape),
    );
    return knownTensor(storage, shape, dtype, this);
  }

  /**
   * Makes a known tensor of zeros.
   *
   * @param shape The size along each axis.
   * @param options Type, and whether it is trained.
   * @returns The tensor.
   */
  zeros(shape: Shape, options: Omit<TensorOptions, "shape"> = {}): Tensor {
    const zeros = new Float32Array(elementCount(shape));
    return this.tensor(zeros, { dtype: "f32", ...options, shape });
  }

  /**
   * Overwrites the elements of a known tensor, in place: every tensor that
   * shares them sees the new ones.
   *
   * @param tensor The tensor.
   * @param values As many values as it has elements.
   * @throws {TypeError} If the tensor is not known.
   * @throws {RangeError} If there are more or fewer values.
   */
  write(tensor: Tensor, values: NestedNumbers): void {
    const { shape, dtype } = tensor;
    const storage = requireStorage(tensor, "write");
    const { array } = hostArray(values, { shape, dtype });
    this.#backend.write(storage, array, dtype);
  }

  /**
   * Moves known tensors next to each other, so that one operation can update
   * them all. The tensors keep their values; what was captured before still
   * runs on the old place.
   *
   * @param tensors The tensors, of one type.
   * @returns A tensor of one axis that shares the elements of all of them, and
   *   how many of its elements each takes, some of them between two tensors.
   * @throws {TypeError} If one is not known or the types are different.
   */
  gather(tensors: readonly Tensor[]): GatheredTensors {
    const dtype = tensors[0]?.dtype ?? "f32";
    const odd = tensors.find((tensor) => tensor.dtype !== dtype);
    if (odd) {
      throw new TypeError(
        `Cannot gather tensors of ${dtype} and ${odd.dtype}: all must be of one type`,
      );
    }
    const room = this.#backend.allocateParts(
      dtype,
      tensors.map(({ size }) => size),
    );
    tensors.forEach((tensor, index) => {
      const from = requireStorage(tensor, "gather");
      this.#backend.copy(from, room.parts[index]!);
      tensor.move(room.parts[index]!);
    });
    const size = room.counts.reduce((total, count) => total + count, 0);
    return {
      flat: knownTensor(room.whole, [size], dtype, this),
      counts: room.counts,
    };
  }

  /** See {@linkcode Executor.upload}. */
  upload(values: HostArray, dtype: DType): Storage {
    return this.#backend.upload(values, dtype);
  }

  /** See {@linkcode Executor.evaluate}. */
  evaluate(tensors: readonly Tensor[]): void {
    const open = [...new Set(tensors)].filter((tensor) => !tensor.known);
    if (open.length === 0) return;
    const { key, leaves, roots, numbers } = structureOf(open, NUMBERS);
    const { plan, stored } = this.#plan(key, roots);
    const given = [
      ...stored.with(numbers),
      ...leaves.map((leaf) => leaf.storage!),
    ];
    const results = runPlan(this.#backend, plan, given, roots);
    // An eager device does each operation when it is told to, on its own.
    if (this.evaluatesEagerly) this.#backend.flush();
    roots.forEach((tensor, index) => tensor.settle(results[index]!));
  }

  /**
   * Records an evaluation for replay. The tensors become known, their elements
   * undefined until the first run; each run overwrites them, in the same place.
   * Operands are read where they lie: change them with
   * {@linkcode Device.write}, and do not dispose of them before the capture.
   *
   * @param tensors What is evaluated, not known yet.
   * @returns What runs it.
   * @throws {TypeError} If one of the tensors is known already.
   */
  capture(tensors: readonly Tensor[]): Capture {
    const open = [...new Set(tensors)];
    const known = open.find((tensor) => tensor.known);
    if (known) {
      throw new TypeError(
        `Cannot capture a tensor of [${known.shape}]: it is known, so nothing would be run`,
      );
    }
    const { key, leaves, roots, numbers } = structureOf(open, NUMBERS);
    const { plan } = this.#plan(key, roots);
    // Evaluations of the same plan may be given other numbers.
    using stored = new StoredNumbers(this.#backend);
    const given = [
      ...stored.with(numbers),
      ...leaves.map((leaf) => leaf.storage!),
    ];
    const { results, value } = withResults(
      this.#backend,
      plan,
      given,
      roots,
      (made) => this.#backend.prepare(plan, given, made),
    );
    const capture = new Capture(value, [...given, ...results]);
    roots.forEach((tensor, index) => tensor.settle(results[index]!));
    return capture;
  }

  /** See {@linkcode Executor.evaluateAsync}. */
  async evaluateAsync(
    tensors: readonly Tensor[],
    options: EvaluateOptions = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    this.evaluate(tensors);
    await this.#backend.finish();
    options.signal?.throwIfAborted();
  }

  /** See {@linkcode Executor.read}. */
  read(tensor: Tensor): Promise<HostArray> {
    const storage = requireStorage(tensor, "read");
    return this.#backend.read(storage, tensor.dtype, tensor.size);
  }

  /**
   * Gives the plan that an evaluation would run, without running it.
   *
   * @param tensors The recorded tensors.
   * @returns The plan.
   */
  planOf(tensors: readonly Tensor[]): Plan {
    const open = [...new Set(tensors)].filter((tensor) => !tensor.known);
    const { key, roots } = structureOf(open, NUMBERS);
    return this.#plan(key, roots).plan;
  }

  /**
   * Prints the plan that an evaluation would run: its dispatches, before and
   * after fusion, bytes moved and temporary memory.
   *
   * @example Usage
   * ```ts
   * import { openDevice } from "@wick/async-exec";
   * import { add, exp } from "@wick/core-tensor";
   * import { assertStringIncludes } from "@std/assert";
   *
   * using device = await openDevice({ device: "cpu" });
   * const y = exp(add(device.tensor([1, 2]), 1));
   * assertStringIncludes(device.explain([y]), "add+exp");
   * ```
   *
   * @param tensors The recorded tensors.
   * @returns The text.
   */
  explain(tensors: readonly Tensor[]): string {
    return explain(this.planOf(tensors));
  }

  /** What the device holds and did. */
  statistics(): DeviceStatistics {
    return this.#backend.statistics();
  }

  /** Waits in the call until all that was started is done: for timing. */
  fence(): void {
    this.#backend.fence();
  }

  /** Gives everything back; tensors of the device are of no use after. */
  close(): void {
    this.#plans.clear();
    this.#backend.close();
  }

  /** The same as {@linkcode Device.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #plan(key: string, tensors: readonly Tensor[]): KnownPlan {
    return this.#plans.getOrMake(key, () => {
      const { graph, roots } = ComputationGraph.trace(tensors, NUMBERS);
      const plan = buildPlan(graph, roots, this.#backend.traits);
      return { plan, stored: new StoredNumbers(this.#backend) };
    });
  }
}

const NUMBERS = { numbers: true } as const;

/** A plan, and the numbers that it was run with last. */
interface KnownPlan {
  readonly plan: Plan;
  readonly stored: StoredNumbers;
}

function requireStorage(tensor: Tensor, what: string): Storage {
  if (tensor.storage) return tensor.storage;
  tensor.requireExecutor(what);
  throw new TypeError(
    `Cannot ${what} a recorded tensor of [${tensor.shape}]: evaluate it first`,
  );
}
