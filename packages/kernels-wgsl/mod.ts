/**
 * The shaders as text, and the ways to adapt one. No GPU in here.
 *
 * A file in `kernels/` is readable WGSL that is right as it stands.
 * {@linkcode kernelSource} sets its sizes, puts fused code into its hook
 * functions and writes it out as the text that shader compilers make fast.
 *
 * ```ts
 * import { kernelSource } from "@wick/kernels-wgsl";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const text = kernelSource("elementwise", {
 *   sizes: { COUNT: 1000 },
 *   hooks: { epilogue: "return f32(i);" },
 * });
 * assertStringIncludes(text, "const COUNT: u32 = 1000;");
 * ```
 *
 * @module
 */
export { kernelSource } from "./kernel_source.ts";
export type { KernelOptions } from "./adapt_kernel.ts";
export { bindings } from "./bindings.ts";
export type { Binding } from "./bindings.ts";
export { hasHook } from "./hook.ts";
export { isKernelName, kernelText } from "./kernel_text.ts";
export { KERNEL_NAMES } from "./_sources.ts";
export type { KernelName } from "./_sources.ts";
export { joinKernels } from "./join_kernels.ts";
export type { JoinedKernel, KernelPart } from "./join_kernels.ts";
export { specialize } from "./specialize.ts";
