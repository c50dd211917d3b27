import {
  byteLength,
  dequantize,
  type DeviceTraits,
  type DType,
  DTYPES,
  type HostArray,
  isQuantized,
  quantize,
  type Storage,
} from "@wick/core-tensor";
import type { Plan } from "@wick/graph";
import type { Backend, DeviceStatistics } from "../backend.ts";
import { TuningStore } from "../tuning/tuning_store.ts";
import { halvesOf, packHalves, unpackHalves, wordsOf } from "../float_bits.ts";
import { ALIGNMENT, BufferPool, type GpuStorage } from "./buffer_pool.ts";
import { CommandStream } from "./command_stream.ts";
import { FailureLog } from "./failure_log.ts";
import { PipelineCache } from "./pipeline_cache.ts";
import { probeSubgroups } from "./probe_subgroups.ts";
import { Program } from "./program.ts";
import { Staging } from "./staging.ts";
import { Tuner } from "./tuner.ts";

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
  /** Measured choices of variants; none if absent. */
  readonly tuning?: TuningStore;
  /**
   * From which size on work is measured when it comes up first, in
   * multiplications and additions; it never is if absent.
   */
  readonly measuresFrom?: number;
}

/**
 * Makes the backend that runs plans on a GPU: one encoder, one pass and one
 * submit a plan, or for several small ones that follow one another.
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
  const store = options.tuning ??
    new TuningStore(options.description, { warn: () => {} });
  const staging = new Staging(device);
  if (options.synchronousRead) await staging.prove();
  const subgroupSize = await probeSubgroups(device, staging);
  const maxTensorBytes = Math.min(
    limits.maxBufferSize,
    limits.maxStorageBufferBindingSize,
  );
  const traits: DeviceTraits = {
    adapterClass: options.software ? "software" : "gpu",
    maxWorkgroupThreads: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    // Bind groups of more are made slowly, and no plan needs them.
    maxStorageBuffers: Math.min(limits.maxStorageBuffersPerShaderStage, 64),
    maxTensorBytes,
    maxDispatchSteps: options.software ? 3 : 7,
    tuned: store.choices,
    ...(subgroupSize !== undefined && { subgroupSize }),
  };
  const failures = new FailureLog(device);
  const stream = new CommandStream(device, failures);
  const pool = new BufferPool(device, {
    beforeTrim: () => stream.flush(),
    budget: options.memoryBudget,
    maxBufferBytes: maxTensorBytes,
  });
  const pipelines = new PipelineCache(device, failures);
  const tuner = new Tuner({
    ...{ device, pool, store, traits },
    measuresFrom: options.measuresFrom,
    flush: () => stream.flush(),
  });
  const programs = new WeakMap<Plan, Program>();
  // Reading a word tells more than onSubmittedWorkDone(): it fails if the GPU
  // was lost, and costs no 10 ms where reading is synchronous.
  const probe = device.createBuffer({
    label: "finish",
    size: 4,
    usage: GPUBufferUsage.COPY_SRC,
  });
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
    // Deno 2.9 panics on writing nothing.
    if (values.byteLength === 0) return;
    stream.flush();
    device.queue.writeBuffer(storage.buffer, storage.offset, values);
  }

  async function reading<Result>(
    read: () => Promise<Result>,
  ): Promise<Result> {
    failures.throwFirst();
    stream.flush();
    let result: Result;
    try {
      result = await read();
    } catch (error) {
      throw await failures.reasonFor(error);
    }
    await failures.settle();
    return result;
  }

  function programOf(plan: Plan): Program {
    let program = programs.get(plan);
    if (!program) {
      tuner.consider(plan);
      program = new Program(
        device,
        pipelines,
        pool,
        staging,
        stream,
        plan,
        traits,
      );
      programs.set(plan, program);
    }
    return program;
  }

  return {
    name: "webgpu",
    description: options.description,
    traits,
    allocate,
    allocateParts(dtype, counts) {
      const sizes = counts.map((count) =>
        Math.ceil(byteLength(dtype, count) / ALIGNMENT) * ALIGNMENT
      );
      const bytes = sizes.reduce((total, size) => total + size, 0);
      const { bytes: elementBytes } = DTYPES[dtype];
      const whole = allocate(dtype, bytes / elementBytes);
      let end = 0;
      const parts = sizes.map((size) =>
        pool.part(whole, (end += size) - size, size)
      );
      return {
        whole,
        parts,
        counts: sizes.map((size) => size / elementBytes),
      };
    },
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
    write(storage, values, dtype) {
      failures.throwFirst();
      fill(gpuStorage(storage), deviceWords(values, dtype));
    },
    run(plan, leaves, results) {
      failures.throwFirst();
      const program = programOf(plan);
      program.run(leaves.map(gpuStorage), results.map(gpuStorage));
      dispatches += program.length;
      submissions++;
    },
    prepare(plan, leaves, results) {
      failures.throwFirst();
      const program = programOf(plan);
      const ready = program.prepare(
        leaves.map(gpuStorage),
        results.map(gpuStorage),
      );
      return {
        run() {
          failures.throwFirst();
          ready.run();
          dispatches += program.length;
          submissions++;
        },
        time: () => ready.time(),
        release: () => ready.release(),
      };
    },
    copy(source, target) {
      failures.throwFirst();
      stream.flush();
      const [from, to] = [gpuStorage(source), gpuStorage(target)];
      const bytes = Math.min(from.byteLength, to.byteLength);
      const encoder = device.createCommandEncoder({ label: "copy" });
      encoder.copyBufferToBuffer(
        from.buffer,
        from.offset,
        to.buffer,
        to.offset,
        bytes,
      );
      device.queue.submit([encoder.finish()]);
    },
    async read(storage, dtype, count) {
      const bytes = byteLength(dtype, count);
      const { buffer, offset } = gpuStorage(storage);
      const words = await reading(() => staging.read(buffer, bytes, offset));
      return hostValues(words, dtype, count);
    },
    async readInto(storage, target) {
      const { buffer, offset } = gpuStorage(storage);
      const bytes = new Uint8Array(
        ...[target.buffer, target.byteOffset, target.byteLength] as const,
      );
      await reading(() => staging.readInto(buffer, bytes, offset));
    },
    async finish() {
      await reading(() => staging.read(probe, 4));
    },
    flush: () => stream.flush(),
    tuning: store,
    tune(work) {
      failures.throwFirst();
      return failures.watch(
        `the variants of ${work.operation.name}`,
        () => tuner.tune(work),
      );
    },
    fence() {
      stream.flush();
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
      stream.flush();
      failures.close();
      staging.close();
      pool.trim();
      pipelines.clear();
      device.destroy();
    },
  };
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
  if (isQuantized(dtype)) return quantize(values, dtype);
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
  if (isQuantized(dtype)) return wordsOf(bytes, "u32");
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
  if (isQuantized(dtype)) {
    return dequantize(
      new Uint32Array(words, 0, byteLength(dtype, count) / 4),
      dtype,
    );
  }
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
