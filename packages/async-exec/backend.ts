import type {
  DeviceTraits,
  DType,
  HostArray,
  Storage,
} from "@wick/core-tensor";
import type { Plan } from "@wick/graph";
import type { TuningStore } from "./tuning/tuning_store.ts";
import type { TunableWork, TunedWork } from "./webgpu/tuner.ts";

/** Counts of what a device holds and did. */
export interface DeviceStatistics {
  /** Buffers that exist, in use or kept for the next user. */
  readonly buffers: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Bytes in use. */
  readonly bytesInUse: number;
  /** The most bytes that ever existed at once. */
  readonly peakBytes: number;
  /** Compiled kernels. */
  readonly pipelines: number;
  /** Kernels run so far. */
  readonly dispatches: number;
  /** Plans handed over so far; on WebGPU small ones may share a submit. */
  readonly submissions: number;
}

/** Room for several tensors, as a whole and in parts. */
export interface StorageParts {
  /** All of it. */
  readonly whole: Storage;
  /** The room of each tensor; they share the bytes of the whole. */
  readonly parts: readonly Storage[];
  /** The elements from the start of each part to that of the next. */
  readonly counts: readonly number[];
}

/** How long a kernel took. */
export interface KernelTime {
  /** The operations in it. */
  readonly label: string;
  /** The milliseconds. */
  readonly milliseconds: number;
}

/** A plan with everything it needs at hand. */
export interface PreparedRun {
  /** Starts the plan. */
  run(): void;
  /** Runs the plan kernel by kernel and times each. */
  time(): Promise<readonly KernelTime[]>;
  /** Gives back what it holds. */
  release(): void;
}

/** What runs plans: the part of a device that differs from one to another. */
export interface Backend {
  /** `"webgpu"` or `"cpu"`. */
  readonly name: "webgpu" | "cpu";
  /** What it is, for people. */
  readonly description: string;
  /** What the rules that choose kernels need to know. */
  readonly traits: DeviceTraits;
  /** Makes room for elements. */
  allocate(dtype: DType, count: number): Storage;
  /** Makes room for several tensors next to each other. */
  allocateParts(dtype: DType, counts: readonly number[]): StorageParts;
  /** Makes room and fills it with values. */
  upload(values: HostArray, dtype: DType): Storage;
  /** The same from the bytes of a file: little-endian, 16-bit floats packed. */
  uploadBytes(bytes: Uint8Array, dtype: DType, count: number): Storage;
  /** Overwrites elements from the start. */
  write(storage: Storage, values: HostArray, dtype: DType): void;
  /** Starts a plan: leaves in its order, and room for each result. */
  run(
    plan: Plan,
    leaves: readonly Storage[],
    results: readonly Storage[],
  ): void;
  /**
   * Makes a plan ready to be run many times on the same leaves and results,
   * which must stay as long.
   */
  prepare(
    plan: Plan,
    leaves: readonly Storage[],
    results: readonly Storage[],
  ): PreparedRun;
  /** Copies all bytes of the target from the start of the source. */
  copy(source: Storage, target: Storage): void;
  /** Reads elements. */
  read(storage: Storage, dtype: DType, count: number): Promise<HostArray>;
  /**
   * Reads from the start, into an array, what is kept as its elements: `f32` or
   * `i32`; a GPU keeps two 16-bit floats as an element of `i32`.
   */
  readInto(
    storage: Storage,
    target: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
  ): Promise<void>;
  /** Lets the device begin with all that was started. */
  flush(): void;
  /** Waits until all that was started is done. */
  finish(): Promise<void>;
  /** Waits in the call until all that was started is done. */
  fence(): void;
  /** Measured choices of variants; absent where kernels have none. */
  readonly tuning?: TuningStore;
  /**
   * Measures the variants that can do some work and keeps the choice, in the
   * call; `undefined` if there is nothing to choose. Absent where kernels have
   * no variants.
   */
  tune?(work: TunableWork): TunedWork | undefined;
  /** What it holds and did. */
  statistics(): DeviceStatistics;
  /** Gives everything back. */
  close(): void;
}
