import { KERNEL_NAMES, type KernelName, SOURCES } from "./_sources.ts";

/**
 * Tells whether `kernels/` has a file of that name.
 *
 * @example Usage
 * ```ts
 * import { isKernelName } from "@wick/kernels-wgsl";
 * import { assert } from "@std/assert";
 *
 * assert(!isKernelName("teleport"));
 * ```
 *
 * @param name A name, without `.wgsl`.
 * @returns Whether there is such a kernel.
 */
export function isKernelName(name: string): name is KernelName {
  return Object.hasOwn(SOURCES, name);
}

/**
 * Gives a kernel as it stands in its file, with its comments.
 *
 * @param name The name of a file in `kernels/`, without `.wgsl`.
 * @returns Its text.
 * @throws {RangeError} Where there is no such kernel.
 */
export function kernelText(name: string): string {
  if (!isKernelName(name)) {
    throw new RangeError(
      `Cannot find the kernel "${name}": there are ${
        KERNEL_NAMES.join(", ") || "none"
      }`,
    );
  }
  return SOURCES[name];
}
