import type { CpuKernel } from "./cpu_kernel.ts";
import { CROSS_ENTROPY_KERNELS } from "./cross_entropy.ts";
import { EMBEDDING_KERNELS } from "./embedding.ts";
import { MATMUL_KERNELS } from "./matmul_kernels.ts";
import { UPDATE_KERNELS } from "./updates.ts";
import { NORM_KERNELS } from "./norms.ts";
import { REDUCTION_KERNELS } from "./reductions.ts";
import { ROPE_KERNELS } from "./rope.ts";
import { SOFTMAX_KERNELS } from "./softmax.ts";
import { ATTENTION_KERNELS } from "./attention.ts";
import { CONCAT_KERNELS } from "./concat.ts";
import { GATHER_KERNELS } from "./gather_matmul.ts";

const ALL: readonly CpuKernel[] = [
  ...MATMUL_KERNELS,
  ...EMBEDDING_KERNELS,
  ...UPDATE_KERNELS,
  ...ROPE_KERNELS,
  ...SOFTMAX_KERNELS,
  ...NORM_KERNELS,
  ...REDUCTION_KERNELS,
  ...CROSS_ENTROPY_KERNELS,
  ...ATTENTION_KERNELS,
  ...CONCAT_KERNELS,
  ...GATHER_KERNELS,
];

/** The CPU kernels, by the name of the operation. */
export const CPU_KERNELS: ReadonlyMap<string, CpuKernel> = new Map(
  ALL.map((kernel) => [kernel.operation.name, kernel]),
);
