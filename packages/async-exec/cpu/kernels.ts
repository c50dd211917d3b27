import type { CpuKernel } from "./cpu_kernel.ts";
import { EMBEDDING_KERNELS } from "./embedding.ts";
import { MATMUL_KERNELS } from "./matmul_kernels.ts";
import { UPDATE_KERNELS } from "./updates.ts";
import { ROPE_KERNELS } from "./rope.ts";

const ALL: readonly CpuKernel[] = [
  ...MATMUL_KERNELS,
  ...EMBEDDING_KERNELS,
  ...UPDATE_KERNELS,
  ...ROPE_KERNELS,
];

/** The CPU kernels, by the name of the operation. */
export const CPU_KERNELS: ReadonlyMap<string, CpuKernel> = new Map(
  ALL.map((kernel) => [kernel.operation.name, kernel]),
);
