import { PLAIN_KERNELS, RELAXED_KERNELS } from "./_wasm.ts";

/**
 * A kernel: runs the units of work from the first to before the last, with a
 * scratch of its thread, on the sizes and addresses that follow.
 */
export type WasmKernel = (
  first: number,
  last: number,
  scratch: number,
  ...sizes: readonly number[]
) => void;

/** The kernels of a memory. */
export interface WasmModule {
  /** The module, for other threads. */
  readonly module: WebAssembly.Module;
  /** The kernels by name. */
  readonly kernels: ReadonlyMap<string, WasmKernel>;
  /** What else it exports, for modules that are made as they are needed. */
  readonly exports: WebAssembly.Exports;
}

let compiled: WebAssembly.Module | undefined;

/**
 * Compiles the kernels, with relaxed SIMD where the machine has it.
 *
 * @param memory The memory that they work on.
 * @returns The kernels.
 */
export function wasmModule(memory: WebAssembly.Memory): WasmModule {
  if (!compiled) {
    const relaxed = Uint8Array.fromBase64(RELAXED_KERNELS);
    compiled = new WebAssembly.Module(
      WebAssembly.validate(relaxed)
        ? relaxed
        : Uint8Array.fromBase64(PLAIN_KERNELS),
    );
  }
  return { module: compiled, ...instantiate(compiled, memory) };
}

function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Omit<WasmModule, "module"> {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = new Map<string, WasmKernel>();
  for (const [name, value] of Object.entries(exports)) {
    if (isKernel(value)) kernels.set(name, value);
  }
  return { kernels, exports };
}

function isKernel(value: WebAssembly.ExportValue): value is WasmKernel {
  return typeof value === "function";
}
