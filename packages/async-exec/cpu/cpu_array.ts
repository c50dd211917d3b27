/**
 * The elements of a tensor on the CPU device: like a `HostArray`, but it may
 * lie in the memory that the threads share.
 */
export type CpuArray = Float32Array | Int32Array | Uint32Array | Uint8Array;
