/**
 * How long a thread may take to let go of its driver. It took 6 to 12 ms with
 * llvmpipe on two idle cores. Of twelve processes at once on an H200, one or more
 * crashed in 4 of 4 runs after half a second, in none of 4 after two.
 */
const UNLOADING_MS = 2000;

let busyUntil = 0;

/**
 * Ends a worker that has a device, and keeps the process from ending before
 * the worker's thread has let go of the driver: one that unloads while the
 * process runs its exit handlers crashes it (`gfx-rs/wgpu` issue 8365). Only a
 * process that ends within two seconds of this waits, and no longer than that.
 *
 * @example Usage
 * ```ts ignore
 * import { terminateWorker } from "@wick/async-exec";
 *
 * const worker = new Worker(import.meta.resolve("./trains.ts"), {
 *   type: "module",
 * });
 * terminateWorker(worker);
 * ```
 *
 * @param worker The worker.
 */
export function terminateWorker(worker: Worker): void {
  worker.terminate();
  // A page may not wait, and its browser looks after the driver.
  if (typeof Deno === "undefined") return;
  if (busyUntil === 0) globalThis.addEventListener("unload", waitForUnloading);
  busyUntil = performance.now() + UNLOADING_MS;
}

function waitForUnloading(): void {
  const left = busyUntil - performance.now();
  if (left <= 0) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, left);
}
