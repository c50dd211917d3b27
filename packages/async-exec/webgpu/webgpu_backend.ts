import {
  byteLength,
  type DeviceTraits,
  type DType,
  type HostArray,
  type Storage,
} from "@wick/core-tensor";
import type { Plan } from "@wick/graph";
import type { Backend, DeviceStatistics } from "../backend.ts";
import { halvesOf, packHalves, unpackHalves, wordsOf } from "../float_bits.ts";
import { BufferPool, type GpuStorage } from "./buffer_pool.ts";
import { PipelineCache } from "./pipeline_cache.ts";
import { Program } from "./program.ts";
import { Staging } from "./staging.ts";

/** Options of {@linkcode webgpuBackend}. */
export interface WebgpuBackendOptions {
  /** What the adapter is, for people. */
  readonly description: string;
  /** Whether the adapter is a rasteriser on the CPU. */
  readonly software: boolean;
  /** Bytes that buffers may take in all. */
  readonly memoryBudget: number;
  /** Whether to try reading without Deno's wait. */
  readonly synchronousRead: boolean;
}

/**
 * Makes the backend that runs plans on a GPU: one encoder, one pass and one
 * submit a plan.
 *
 * @param device The GPU, owned from now on.
 * @param options Limits and choices.
 * @returns The backend.
 */
export async function webgpuBackend(
  device: GPUDevice,
  options: WebgpuBackendOptions,
): Promise<Backend> {
  const { limits } = device;
  const traits: DeviceTraits = {
    adapterClass: options.software ? "software" : "gpu",
    maxWorkgroupThreads: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
  };
  const pool = new BufferPool(device, {
    budget: options.memoryBudget,
    maxBufferBytes: Math.min(
      limits.maxBufferSize,
      limits.maxStorageBufferBindingSize,
    ),
  });
  const pipelines = new PipelineCache(device);
  const staging = new Staging(device);
  const programs = new WeakMap<Plan, Program>();
  const failures = new FailureLog(device);
  if (options.synchronousRead) await staging.prove();
  let dispatches = 0;
  let submissions = 0;

  function allocate(dtype: DType, count: number): GpuStorage {
    failures.throwFirst();
    return pool.acquire(byteLength(dtype, count), `${dtype}[${count}]`);
  }

  function fill(
    storage: GpuStorage,
    values: ArrayBufferView<ArrayBuffer>,
  ): void {
    device.queue.writeBuffer(storage.buffer, 0, values);
  }

  return {
    name: "webgpu",
    description: options.description,
    traits,
    allocate,
    upload(values, dtype) {
      const storage = allocate(dtype, values.length);
      fill(storage, deviceWords(values, dtype));
      return storage;
    },
    uploadBytes(bytes, dtype, count) {
      const storage = allocate(dtype, count);
      fill(storage, fileWords(bytes, dtype));
      return storage;
    },
    write: (storage, values, dtype) =>
      fill(gpuStorage(storage), deviceWords(values, dtype)),
    run(plan, leaves, results) {
      failures.throwFirst();
      let program = programs.get(plan);
      if (!program) {
        program = new Program(device, pipelines, pool, plan, traits);
        programs.set(plan, program);
      }
      program.run(leaves.map(gpuStorage), results.map(gpuStorage));
      dispatches += plan.steps.length;
      submissions++;
    },
    async read(storage, dtype, count) {
      const bytes = byteLength(dtype, count);
      const words = await staging.read(gpuStorage(storage).buffer, bytes);
      failures.throwFirst();
      return hostValues(words, dtype, count);
    },
    async finish() {
      await device.queue.onSubmittedWorkDone();
      failures.throwFirst();
    },
    fence() {
      // Deno waits inside the call; the promise settles 10 ms later.
      device.queue.onSubmittedWorkDone().catch(() => {});
    },
    statistics: (): DeviceStatistics => ({
      buffers: pool.buffers,
      bytes: pool.bytes,
      bytesInUse: pool.bytesInUse,
      peakBytes: pool.peakBytes,
      pipelines: pipelines.size,
      dispatches,
      submissions,
    }),
    close() {
      staging.close();
      pool.trim();
      pipelines.clear();
      device.destroy();
    },
  };
}

/** Errors that the GPU reported outside of any call. */
class FailureLog {
  #first: Error | undefined;

  constructor(device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#first ??= new Error(
        `Cannot go on: the GPU reported an error: ${
          event instanceof GPUUncapturedErrorEvent
            ? event.error.message
            : event.type
        }`,
      );
    });
    device.lost.then(({ reason, message }) => {
      if (reason !== "destroyed") {
        this.#first ??= new DeviceLostError(
          `Cannot go on: the GPU was lost: ${message}`,
        );
      }
    });
  }

  /** Throws what was reported first, once. */
  throwFirst(): void {
    const first = this.#first;
    if (!first) return;
    if (!(first instanceof DeviceLostError)) this.#first = undefined;
    throw first;
  }
}

/** Thrown when the GPU went away; a new device can be opened. */
export class DeviceLostError extends Error {
  /** The name of the class. */
  override readonly name = "DeviceLostError";
}

function gpuStorage(storage: Storage): GpuStorage {
  if (!isGpuStorage(storage)) {
    throw new TypeError("Cannot use the bytes of another device on the GPU");
  }
  return storage;
}

function isGpuStorage(storage: Storage): storage is GpuStorage {
  return "buffer" in storage;
}

/** Host values as the words of a device buffer. */
function deviceWords(
  values: HostArray,
  dtype: DType,
): ArrayBufferView<ArrayBuffer> {
  switch (dtype) {
    case "f16":
    case "bf16":
      return packHalves(values, dtype);
    case "bool":
      return Uint32Array.from(values);
    case "f32":
    case "i32":
    case "u32":
      return values;
  }
}

/** The bytes of a file as the words of a device buffer. */
function fileWords(
  bytes: Uint8Array,
  dtype: DType,
): ArrayBufferView<ArrayBuffer> {
  switch (dtype) {
    case "f16":
    case "bf16": {
      const halves = halvesOf(bytes);
      const words = new Uint16Array(halves.length + halves.length % 2);
      words.set(halves);
      return words;
    }
    case "f32":
    case "i32":
    case "u32":
      return wordsOf(bytes, dtype);
    case "bool":
      return Uint32Array.from(bytes);
  }
}

function hostValues(
  words: ArrayBuffer,
  dtype: DType,
  count: number,
): HostArray {
  switch (dtype) {
    case "f16":
    case "bf16":
      return unpackHalves(new Uint16Array(words, 0, count), dtype);
    case "f32":
      return new Float32Array(words, 0, count);
    case "i32":
      return new Int32Array(words, 0, count);
    case "u32":
      return new Uint32Array(words, 0, count);
    case "bool":
      return Uint8Array.from(new Uint32Array(words, 0, count));
  }
}
