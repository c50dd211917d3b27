import {
  dequantize,
  type DType,
  elementCount,
  type HostArray,
  isQuantized,
  type PlainDType,
  type Storage,
} from "@wick/core-tensor";
import {
  type ComputedOperand,
  DEFAULT_TRAITS,
  type FusedCode,
  type Plan,
  type Step,
  stepParts,
} from "@wick/graph";
import type { Backend, DeviceStatistics } from "../backend.ts";
import { DeviceLostError } from "../device_lost_error.ts";
import { halvesOf, unpackHalves, wordsOf } from "../float_bits.ts";
import { arrayOf } from "../host_array.ts";
import type { CpuArray } from "./cpu_array.ts";
import type { CpuOperand } from "./cpu_kernel.ts";
import { CpuMachine, type CpuMachineOptions } from "./cpu_machine.ts";
import { type CpuStorage, CpuStorages, setRounded } from "./cpu_storage.ts";
import { CPU_KERNELS } from "./kernels.ts";
import { PlanArrays } from "./plan_arrays.ts";
import { type FusedFunction, fusedFunction } from "./fused_function.ts";
import { fusedVector } from "./fused_vector.ts";
import { runReference } from "./run_reference.ts";
import { quantizedWords, widened } from "./widened.ts";

/** Runs one step on the arrays of the slots. */
type PreparedStep = (
  arrays: readonly CpuArray[],
  machine: CpuMachine,
) => void;

interface PreparedPlan {
  readonly steps: readonly PreparedStep[];
  readonly buffers: PlanArrays;
}

/**
 * Makes the backend that runs plans in the process: in WebAssembly and through
 * a BLAS where it has kernels for it, else in TypeScript.
 *
 * @param options Threads, and whether to look for a BLAS.
 * @returns The backend.
 */
export function cpuBackend(options: CpuMachineOptions = {}): Backend {
  const machine = new CpuMachine(options);
  const storages = new CpuStorages(machine.memory);
  const prepared = new WeakMap<Plan, PreparedPlan>();
  let dispatches = 0;
  let submissions = 0;
  let closed = false;
  let [room, roomBytes] = [0, 0];

  function requireOpen(): void {
    if (closed) {
      throw new DeviceLostError(
        "Cannot use a device after it was closed: open another one",
      );
    }
  }

  function arrayOfStorage(storage: Storage): CpuArray {
    requireOpen();
    if (!isCpuStorage(storage)) {
      throw new TypeError("Cannot use the bytes of another device on the CPU");
    }
    return storage.array;
  }

  /** Room for the buffers of a plan; all plans of the device share it. */
  function roomFor({ bytes }: PlanArrays): number {
    if (bytes > roomBytes) {
      if (roomBytes > 0) machine.memory.free(room);
      roomBytes = 0;
      room = machine.memory.allocate(bytes);
      roomBytes = bytes;
    }
    return room;
  }

  function runOnce(
    plan: Plan,
    leaves: readonly Storage[],
    results: readonly Storage[],
    onStep: () => void = () => {},
  ): void {
    requireOpen();
    let entry = prepared.get(plan);
    if (!entry) {
      entry = {
        steps: plan.steps.map(prepareStep),
        buffers: new PlanArrays(plan),
      };
      prepared.set(plan, entry);
    }
    const buffers = entry.buffers.at(machine.memory, roomFor(entry.buffers));
    const arrays: CpuArray[] = [];
    for (const [slot, { place }] of plan.slots.entries()) {
      switch (place.kind) {
        case "leaf":
          arrays.push(arrayOfStorage(leaves[place.index]!));
          break;
        case "result":
          arrays.push(arrayOfStorage(results[place.index]!));
          break;
        case "buffer":
          arrays.push(buffers[slot]!);
          break;
        case "part": {
          // What it is a part of has a slot before.
          const { first, count } = place;
          arrays.push(arrays[place.slot]!.subarray(first, first + count));
        }
      }
    }
    for (const step of entry.steps) {
      step(arrays, machine);
      onStep();
    }
    dispatches += plan.steps.length;
    submissions++;
  }

  function stored(values: HostArray, dtype: DType): Storage {
    requireOpen();
    const storage = storages.allocate(dtype, values.length);
    setRounded(storage.array, values, dtype);
    return storage;
  }

  return {
    name: "cpu",
    description: machine.description,
    traits: {
      ...DEFAULT_TRAITS,
      maxStorageBuffers: 64,
      isSequential: true,
      partAlignment: 4,
    },
    allocate(dtype, count) {
      requireOpen();
      return storages.allocate(dtype, count);
    },
    allocateParts(dtype, counts) {
      requireOpen();
      const total = counts.reduce((sum, count) => sum + count, 0);
      const whole = storages.allocate(dtype, total);
      let end = 0;
      const parts = counts.map((count) =>
        storages.part(whole, (end += count) - count, count)
      );
      return { whole, parts, counts };
    },
    upload: stored,
    uploadBytes(bytes, dtype, count) {
      if (!isQuantized(dtype)) return stored(fromBytes(bytes, dtype), dtype);
      requireOpen();
      const storage = storages.allocate(dtype, count);
      storage.array.set(wordsOf(bytes, "u32"));
      return storage;
    },
    write: (storage, values, dtype) =>
      setRounded(arrayOfStorage(storage), values, dtype),
    run: (plan, leaves, results) => runOnce(plan, leaves, results),
    prepare: (plan, leaves, results) => ({
      run: () => runOnce(plan, leaves, results),
      // deno-lint-ignore require-await
      time: async () => {
        const ends = [performance.now()];
        runOnce(plan, leaves, results, () => ends.push(performance.now()));
        return ends.slice(1).map((end, step) => ({
          label: plan.steps[step]!.label,
          milliseconds: end - ends[step]!,
        }));
      },
      release: () => {},
    }),
    copy: (source, target) =>
      arrayOfStorage(target).set(arrayOfStorage(source)),
    // Errors are rejections here, as they are on a GPU.
    // deno-lint-ignore require-await
    read: async (storage, dtype, count) => {
      if (isQuantized(dtype)) {
        return dequantize(quantizedWords(arrayOfStorage(storage)), dtype);
      }
      const array = arrayOf(dtype, count);
      array.set(arrayOfStorage(storage).subarray(0, count));
      return array;
    },
    // deno-lint-ignore require-await
    readInto: async (storage, target) =>
      target.set(arrayOfStorage(storage).subarray(0, target.length)),
    // deno-lint-ignore require-await
    finish: async () => requireOpen(),
    flush: () => {},
    fence: () => {},
    statistics: (): DeviceStatistics => ({
      buffers: storages.count,
      bytes: storages.bytes,
      bytesInUse: storages.bytes,
      peakBytes: storages.peakBytes,
      pipelines: 0,
      dispatches,
      submissions,
    }),
    close: () => {
      if (closed) return;
      closed = true;
      storages.clear();
      if (roomBytes > 0) machine.memory.free(room);
      machine.close();
    },
  };
}

function isCpuStorage(storage: Storage): storage is CpuStorage {
  return "array" in storage;
}

function prepareStep(step: Step): PreparedStep {
  const [own, ...others] = stepParts(step).map(prepareOwn);
  if (others.length === 0) return own!;
  const all = [own!, ...others];
  return (arrays, machine) => all.forEach((run) => run(arrays, machine));
}

/** Prepares a step without those beside it. */
function prepareOwn(step: Step): PreparedStep {
  const { main, fused, output, dtype } = step;
  const count = elementCount(step.shape);
  const finish = fused && fusedStep(fused, count, dtype);
  const kernel = main && CPU_KERNELS.get(main.operation.name);
  const loads = main?.operands.map((operand) =>
    operand.slot === undefined ? computedArray(operand) : undefined
  );
  return (arrays, machine) => {
    const whole = arrays[output]!;
    const out = whole.length === count ? whole : whole.subarray(0, count);
    if (main) {
      try {
        const operands = main.operands.map((operand, index): CpuOperand => {
          const { slot, view, dtype } = operand;
          const array = slot === undefined
            ? loads![index]!(arrays, machine)
            : kernel?.quantized
            ? arrays[slot]!
            : widened(arrays[slot]!, dtype, machine);
          return { array, view, dtype };
        });
        if (kernel) {
          const { attributes, shape } = main;
          kernel.run({ attributes, operands, output: out, shape, machine });
        } else runReference(main, operands, out);
      } finally {
        machine.endStep();
      }
    }
    if (!finish) return;
    const loaded = fused.operands.map(({ slot, dtype }) =>
      widened(arrays[slot]!, dtype, machine)
    );
    try {
      finish(out, loaded, machine);
    } finally {
      machine.endStep();
    }
  };
}

/** Computes what a kernel is to load, where it is stored or in room of its own. */
function computedArray(
  { code, shape, dtype, stored }: ComputedOperand,
): (arrays: readonly CpuArray[], machine: CpuMachine) => CpuArray {
  const count = elementCount(shape);
  const compute = fusedStep(code, count, dtype);
  return (arrays, machine) => {
    const out = stored === undefined
      ? machine.temporary(count)
      : arrays[stored]!.subarray(0, count);
    const operands = code.operands.map(({ slot, dtype }) =>
      widened(arrays[slot]!, dtype, machine)
    );
    compute(out, operands, machine);
    return out;
  };
}

/** Runs fused code in WebAssembly, and what is left of it in a plain loop. */
function fusedStep(
  fused: FusedCode,
  count: number,
  dtype: DType,
): (
  out: CpuArray,
  operands: readonly CpuArray[],
  machine: CpuMachine,
) => void {
  const vector = fusedVector(fused, count, dtype);
  let loop: FusedFunction | undefined;
  return (out, operands, machine) => {
    const first = vector?.(out, operands, machine) ? count - count % 4 : 0;
    if (first === count) return;
    loop ??= fusedFunction(fused, count, dtype);
    loop(out, operands, first);
  };
}

function fromBytes(bytes: Uint8Array, dtype: PlainDType): HostArray {
  switch (dtype) {
    case "f16":
    case "bf16":
      return unpackHalves(halvesOf(bytes), dtype);
    case "f32":
    case "i32":
    case "u32":
      return wordsOf(bytes, dtype);
    case "bool":
      return Uint8Array.from(bytes);
  }
}
