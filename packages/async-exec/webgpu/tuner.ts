import {
  byteLength,
  type DeviceTraits,
  elementCount,
  type KernelOperand,
  type Operation,
  type TensorSpec,
} from "@wick/core-tensor";
import type { Plan, Step, StepMain } from "@wick/graph";
import type { TunedChoice, TuningStore } from "../tuning/tuning_store.ts";
import type { BufferPool, GpuStorage } from "./buffer_pool.ts";
import { type TimedKernel, timeKernels } from "./time_kernels.ts";
import { wgslCode } from "./wgsl_code.ts";

/** Work of an operation whose kernel has variants. */
export interface TunableWork extends TensorSpec {
  /** The operation. */
  readonly operation: Operation;
  /** Its options. */
  readonly attributes: unknown;
  /** Its operands, each in a buffer of its own. */
  readonly operands: readonly KernelOperand[];
}

/** What measuring the variants for some work gave. */
export interface TunedWork extends TunedChoice {
  /** The kind of work. */
  readonly key: string;
  /** The microseconds of each variant. */
  readonly times: ReadonlyMap<string, number>;
}

/** What a {@linkcode Tuner} is made of. */
export interface TunerOptions {
  /** The GPU. */
  readonly device: GPUDevice;
  /** Where buffers come from. */
  readonly pool: BufferPool;
  /** Where choices are kept. */
  readonly store: TuningStore;
  /** What the device is like, with the choices of the store. */
  readonly traits: DeviceTraits;
  /**
   * The multiplications and additions from which on work is measured when it
   * comes up first; it never is if absent.
   */
  readonly measuresFrom?: number | undefined;
  /** Lets all that was started begin, before something is measured. */
  readonly flush: () => void;
}

// Milliseconds that a process may spend on measuring unasked, and the variants
// that it tries: most of the time goes into compiling them.
const PATIENCE = 3000;
const FEW = 5;
// More is compiling in vain: the candidates come with the likely ones first.
const MANY = { gpu: 24, software: 6 } as const;
// A variant must be better by this to replace the default.
const BETTER = 0.97;
// No GPU does more multiplications and additions of f32 in a microsecond: a time
// below that is one of a kernel that did not run.
const MOST_OPERATIONS = 2e8;

/** Measures variants of kernels on a GPU and keeps what was best. */
export class Tuner {
  readonly #options: TunerOptions;
  #spent = 0;

  /**
   * Makes a tuner.
   *
   * @param options What it works with.
   */
  constructor(options: TunerOptions) {
    this.#options = options;
  }

  /**
   * Measures the large work of a plan that has no choice yet, within limits: not
   * on a rasteriser, not for more than three seconds of a process.
   *
   * @param plan A plan that is about to be compiled.
   */
  consider(plan: Plan): void {
    const { measuresFrom, traits } = this.#options;
    if (measuresFrom === undefined || traits.adapterClass === "software") {
      return;
    }
    const steps = plan.steps.flatMap((step) => [step, ...step.beside ?? []])
      .flatMap((step) => [step, ...step.then ?? []]);
    for (const { main } of steps) {
      const work = main && workOf(main);
      if (!work || this.#spent > PATIENCE) continue;
      const call = work.operation.kernel?.({
        attributes: work.attributes,
        inputs: work.operands,
        output: work,
        device: traits,
      });
      const tuning = call?.tuning;
      if (!tuning || tuning.operations < measuresFrom) continue;
      if (traits.tuned?.has(tuning.key)) continue;
      const begin = performance.now();
      try {
        this.tune(work, FEW);
      } catch {
        // No memory for it, say: the default does.
        this.#spent = Infinity;
      }
      this.#spent += performance.now() - begin;
    }
  }

  /**
   * Measures variants for some work and keeps the best.
   *
   * @param work The work.
   * @param most How many variants are tried at most.
   * @returns What it gave, or `undefined` if there is nothing to choose.
   */
  tune(work: TunableWork, most?: number): TunedWork | undefined {
    const { device, pool, store, traits, flush } = this.#options;
    const { adapterClass } = traits;
    const { operation, attributes, operands, shape, dtype } = work;
    const tuning = operation.kernel?.({
      attributes,
      inputs: operands,
      output: work,
      // The default is among the candidates, whatever was chosen before.
      device: withChoices(traits, new Map()),
    }).tuning;
    if (!tuning) return undefined;
    const { key, choices, operations, integers = 0 } = tuning;
    const step = stepOf(work);
    const kernels = choices.slice(0, most ?? MANY[adapterClass]).map((
      name,
    ): TimedKernel => ({
      name,
      code: wgslCode(step, withChoices(traits, new Map([[key, name]]))),
    }));
    const storages: GpuStorage[] = [];
    try {
      for (const operand of operands) {
        storages.push(pool.acquire(bytesOf(operand), "tuning"));
      }
      storages.push(
        pool.acquire(byteLength(dtype, elementCount(shape)), "tuning"),
      );
      for (const [i, { dtype }] of operands.entries()) {
        if (dtype !== "i32") continue;
        const { buffer, offset, byteLength: bytes } = storages[i]!;
        const values = new Int32Array(bytes / 4).fill(integers);
        device.queue.writeBuffer(buffer, offset, values);
      }
      flush();
      const times = timeKernels(
        device,
        kernels,
        storages.map(({ buffer, offset, byteLength: size }) => ({
          ...{ buffer, offset, size },
        })),
        adapterClass === "gpu"
          // A clock that was low takes long to go up.
          ? { warmUp: 400, round: 2, rounds: [3, 4] }
          : { warmUp: 0, round: 5, rounds: [1, 1] },
      );
      for (const [name, microseconds] of times) {
        if (operations / microseconds > MOST_OPERATIONS) times.delete(name);
      }
      const usual = times.get(choices[0]!);
      if (usual === undefined) return undefined;
      const [best, least] = [...times].reduce((a, b) => b[1] < a[1] ? b : a);
      const better = least < BETTER * usual;
      const entry = {
        choice: better ? best : choices[0]!,
        microseconds: better ? least : usual,
        defaultMicroseconds: usual,
      };
      store.set(key, entry);
      return { key, times, ...entry };
    } finally {
      for (const storage of storages) storage.release();
    }
  }
}

function withChoices(
  traits: DeviceTraits,
  tuned: ReadonlyMap<string, string>,
): DeviceTraits {
  return { ...traits, tuned };
}

/** The work of a step, if all its operands lie in buffers. */
function workOf(main: StepMain): TunableWork | undefined {
  const { operation, attributes, operands, shape, dtype } = main;
  const stored = operands.filter((operand) => operand.slot !== undefined);
  return stored.length < operands.length
    ? undefined
    : { operation, attributes, shape, dtype, operands: stored };
}

function stepOf(work: TunableWork): Step {
  const { operation, attributes, operands, shape, dtype } = work;
  return {
    label: operation.name,
    main: {
      ...{ operation, attributes, shape, dtype },
      operands: operands.map((operand, slot) => ({ ...operand, slot })),
    },
    fused: undefined,
    output: operands.length,
    ...{ shape, dtype },
  };
}

/** The bytes from the start of a buffer to the last element of an operand. */
function bytesOf({ dtype, view, elements }: KernelOperand): number {
  const last = view.shape.reduce(
    (sum, size, axis) => sum + Math.max(0, size - 1) * view.strides[axis]!,
    view.offset,
  );
  return byteLength(dtype, elements ?? last + 1);
}
