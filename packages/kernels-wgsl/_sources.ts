// Written by `deno task kernels` from kernels/*.wgsl. Do not edit.

/** The name of a file in `kernels/`, without `.wgsl`. */
export type KernelName = never;

/** Shader text by kernel name. */
export const SOURCES: Readonly<Record<KernelName, string>> = {
};

/** The names of all kernels, sorted. */
export const KERNEL_NAMES: readonly KernelName[] = [
];
