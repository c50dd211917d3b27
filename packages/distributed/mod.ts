/**
 * Many machines: the ranks of a job, and how they exchange numbers.
 *
 * ```ts
 * import { openCommunicator } from "@wick/distributed";
 * import { assertEquals } from "@std/assert";
 *
 * // Alone here; one of N under `mpirun -np N`.
 * using communicator = openCommunicator();
 * const sum = Float32Array.of(communicator.rank + 1);
 * await communicator.allReduce(sum);
 * assertEquals(sum[0], communicator.size * (communicator.size + 1) / 2);
 * ```
 *
 * @module
 */
export type {
  Communicator,
  Exchange,
  Numbers,
  Reduction,
  SharedMemory,
} from "./communicator.ts";
export {
  type CommunicatorOptions,
  openCommunicator,
} from "./open_communicator.ts";
export { singleProcess } from "./single_process.ts";
export { RankError } from "./rank_error.ts";
export { findLauncher, type Launcher, type MpiKind } from "./mpi/launcher.ts";
export { type VisibleGpu, visibleGpus } from "./gpu/visible_gpus.ts";
export { ownGpuCommand } from "./gpu/own_gpu_command.ts";
export { runOnOwnGpu } from "./gpu/run_on_own_gpu.ts";
export { requireOwnGpu } from "./gpu/require_own_gpu.ts";
export { MOST_GATHERED_RANKS } from "./most_gathered_ranks.ts";
export {
  type JobCosts,
  mostUsefulRanks,
  type PredictedJob,
  predictStep,
  type ScalingPoint,
} from "./cost_model.ts";
