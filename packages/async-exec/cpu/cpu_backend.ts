import {
  type DType,
  elementCount,
  type HostArray,
  type Storage,
} from "@wick/core-tensor";
import { DEFAULT_TRAITS, type Plan, type Slot, type Step } from "@wick/graph";
import type { Backend, DeviceStatistics } from "../backend.ts";
import { DeviceLostError } from "../device_lost_error.ts";
import { bf16Round, halvesOf, unpackHalves, wordsOf } from "../float_bits.ts";
import { arrayOf } from "../host_array.ts";
import { type CpuMemory, type CpuStorage, cpuStorage } from "./cpu_storage.ts";
import { CPU_KERNELS } from "./kernels.ts";
import type { CpuOperand } from "./cpu_kernel.ts";
import { fusedFunction } from "./fused_function.ts";
import { runReference } from "./run_reference.ts";

/** Runs one step on the arrays of the slots. */
type PreparedStep = (arrays: readonly HostArray[]) => void;

interface PreparedPlan {
  readonly steps: readonly PreparedStep[];
  /** For each buffer of the plan, an array for each type it is used with. */
  readonly scratch: Map<string, HostArray>;
}

/**
 * Makes the backend that runs plans in the process, in plain TypeScript.
 *
 * @returns The backend.
 */
export function cpuBackend(): Backend {
  const memory: CpuMemory = { bytes: 0, peakBytes: 0, arrays: 0 };
  const prepared = new WeakMap<Plan, PreparedPlan>();
  let dispatches = 0;
  let submissions = 0;
  let closed = false;

  function requireOpen(): void {
    if (closed) {
      throw new DeviceLostError(
        "Cannot use a device after it was closed: open another one",
      );
    }
  }

  function arrayOfStorage(storage: Storage): HostArray {
    requireOpen();
    if (!isCpuStorage(storage)) {
      throw new TypeError("Cannot use the bytes of another device on the CPU");
    }
    return storage.array;
  }

  function runOnce(
    plan: Plan,
    leaves: readonly Storage[],
    results: readonly Storage[],
  ): void {
    let entry = prepared.get(plan);
    if (!entry) {
      entry = { steps: plan.steps.map(prepareStep), scratch: new Map() };
      prepared.set(plan, entry);
    }
    const { scratch } = entry;
    const types = slotTypes(plan);
    const arrays = plan.slots.map((slot, index) =>
      slotArray(slot, types[index]!, scratch, leaves, results, arrayOfStorage)
    );
    for (const step of entry.steps) step(arrays);
    dispatches += plan.steps.length;
    submissions++;
  }

  return {
    name: "cpu",
    description: "CPU, plain TypeScript",
    traits: { ...DEFAULT_TRAITS, maxStorageBuffers: 64 },
    allocate(dtype, count) {
      requireOpen();
      return cpuStorage(memory, dtype, count);
    },
    upload(values, dtype) {
      requireOpen();
      return cpuStorage(memory, dtype, rounded(values, dtype));
    },
    uploadBytes(bytes, dtype) {
      requireOpen();
      return cpuStorage(memory, dtype, fromBytes(bytes, dtype));
    },
    write: (storage, values, dtype) =>
      arrayOfStorage(storage).set(rounded(values, dtype)),
    run: (plan, leaves, results) => runOnce(plan, leaves, results),
    prepare: (plan, leaves, results) => ({
      run: () => runOnce(plan, leaves, results),
      release: () => {},
    }),
    // Errors are rejections here, as they are on a GPU.
    // deno-lint-ignore require-await
    read: async (storage, _, count) => arrayOfStorage(storage).slice(0, count),
    // deno-lint-ignore require-await
    finish: async () => requireOpen(),
    fence: () => {},
    statistics: (): DeviceStatistics => ({
      buffers: memory.arrays,
      bytes: memory.bytes,
      bytesInUse: memory.bytes,
      peakBytes: memory.peakBytes,
      pipelines: 0,
      dispatches,
      submissions,
    }),
    close: () => void (closed = true),
  };
}

function isCpuStorage(storage: Storage): storage is CpuStorage {
  return "array" in storage;
}

/** The type that each slot is written with, for those that steps write. */
function slotTypes(plan: Plan): DType[] {
  const types = new Array<DType>(plan.slots.length).fill("f32");
  for (const step of plan.steps) types[step.output] = step.dtype;
  return types;
}

function slotArray(
  { bytes, place }: Slot,
  dtype: DType,
  scratch: Map<string, HostArray>,
  leaves: readonly Storage[],
  results: readonly Storage[],
  arrayOfStorage: (storage: Storage) => HostArray,
): HostArray {
  switch (place.kind) {
    case "leaf":
      return arrayOfStorage(leaves[place.index]!);
    case "result":
      return arrayOfStorage(results[place.index]!);
    case "buffer": {
      // Half-width floats are held widened: as many elements as words twice.
      const count = dtype === "f16" || dtype === "bf16" ? bytes / 2 : bytes / 4;
      const key = `${place.index} ${dtype}`;
      let array = scratch.get(key);
      if (!array || array.length < count) {
        array = arrayOf(dtype, count);
        scratch.set(key, array);
      }
      return array;
    }
  }
}

function prepareStep(step: Step): PreparedStep {
  const { main, fused, output, dtype } = step;
  const count = elementCount(step.shape);
  const fusedLoop = fused && fusedFunction(fused, count, dtype);
  const kernel = main && CPU_KERNELS.get(main.operation.name);
  return (arrays) => {
    const whole = arrays[output]!;
    const out = whole.length === count ? whole : whole.subarray(0, count);
    if (main) {
      const operands = main.operands.map((
        { slot, view, dtype },
      ): CpuOperand => ({
        array: arrays[slot]!,
        view,
        dtype,
      }));
      if (kernel) {
        const { attributes, shape } = main;
        kernel.run({ attributes, operands, output: out, shape });
      } else runReference(main, operands, out);
    }
    fusedLoop?.(out, fused!.operands.map(({ slot }) => arrays[slot]!));
  };
}

function rounded(values: HostArray, dtype: DType): HostArray {
  switch (dtype) {
    case "f16":
      return Float32Array.from(values, Math.f16round);
    case "bf16":
      return Float32Array.from(values, bf16Round);
    case "f32":
    case "i32":
    case "u32":
    case "bool":
      return values.slice();
  }
}

function fromBytes(bytes: Uint8Array, dtype: DType): HostArray {
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
