import { adaptKernel, type KernelOptions } from "./adapt_kernel.ts";
import { kernelText } from "./kernel_text.ts";

/**
 * Gives the text of a kernel, adapted and specialised: see
 * {@linkcode specialize}.
 *
 * @example Put an operand into the element-wise kernel
 * ```ts
 * import { kernelSource } from "@wick/kernels-wgsl";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const text = kernelSource("elementwise", {
 *   sizes: { COUNT: 1000 },
 *   declarations: "@group(0) @binding(1) var<storage, read> x: array<f32>;",
 *   hooks: { epilogue: "return exp(x[i]);" },
 * });
 * assertStringIncludes(text, "const COUNT: u32 = 1000;");
 * assertStringIncludes(text, "return exp(x[i]);");
 * ```
 *
 * @param name The name of a file in `kernels/`, without `.wgsl`.
 * @param options What to change in it.
 * @returns Text that `createShaderModule()` accepts, without comments.
 * @throws {RangeError} Where there is no such kernel, or the kernel has no
 * such size, type or hook, or cannot be specialised.
 */
export function kernelSource(
  name: string,
  options: KernelOptions = {},
): string {
  const text = kernelText(name);
  try {
    return adaptKernel(text, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${error.message} (in kernel "${name}")`, {
      cause: error,
    });
  }
}
