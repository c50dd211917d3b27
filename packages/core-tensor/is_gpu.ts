import type { DeviceTraits } from "./operation.ts";

/**
 * Tells whether a device is a GPU: neither the CPU device nor a rasteriser that
 * does the work of a GPU on the CPU.
 *
 * @example Usage
 * ```ts
 * import { isGpu } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * assertEquals(isGpu(device.backend.traits), false);
 * ```
 *
 * @param traits What the device is like.
 * @returns Whether it is one.
 */
export function isGpu({ adapterClass, isSequential }: DeviceTraits): boolean {
  return adapterClass === "gpu" && !isSequential;
}
