/**
 * Runs recorded tensors: on a GPU through WebGPU, or on the CPU.
 *
 * ```ts
 * import { openDevice } from "@wick/async-exec";
 * import { add } from "@wick/core-tensor";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([1, 2, 3]);
 * assertClose(await add(x, 1).data(), [2, 3, 4]);
 * ```
 *
 * @module
 */
export { openDevice } from "./open_device.ts";
export type { OpenDeviceOptions } from "./open_device.ts";
export { type AdapterReport, adapterReport } from "./adapter_report.ts";
export { Device } from "./device.ts";
export { Capture } from "./capture.ts";
export type { GatheredTensors, TensorOptions } from "./device.ts";
export type { NestedNumbers } from "./host_array.ts";
export { AsyncGraphExecutor } from "./async_graph_executor.ts";
export type {
  AsyncGraphExecutorOptions,
  Clock,
} from "./async_graph_executor.ts";
export { openWorkerDevice } from "./open_worker_device.ts";
export { terminateWorker } from "./worker/terminate_worker.ts";
export { WorkerDevice } from "./worker/worker_device.ts";
export { DeviceMemoryError } from "./device_memory_error.ts";
export { DeviceLostError } from "./device_lost_error.ts";
export type {
  Backend,
  DeviceStatistics,
  KernelTime,
  PreparedRun,
  StorageParts,
} from "./backend.ts";
export {
  type TunedChoice,
  TuningStore,
  type TuningStoreOptions,
} from "./tuning/tuning_store.ts";
export type { TunableWork, TunedWork } from "./webgpu/tuner.ts";
export { nextTurn } from "./next_turn.ts";
