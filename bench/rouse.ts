import type { Device } from "@wick/async-exec";
import { matmul } from "@wick/core-tensor";
import { repeat, tensorOf } from "./repeat.ts";

/**
 * Keeps a GPU busy for half a second. One that is idle lowers its clock, an H200
 * to 345 MHz, and work of microseconds does not raise it.
 *
 * @param device The GPU.
 */
export function rouse(device: Device): void {
  const x = tensorOf(device, [2048, 2048], 1);
  const end = performance.now() + 500;
  do repeat(device, () => [matmul(x, x)]); while (performance.now() < end);
  x.dispose();
}
