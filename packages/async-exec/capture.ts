import type { Storage } from "@wick/core-tensor";
import type { KernelTime, PreparedRun } from "./backend.ts";

/**
 * An evaluation that was recorded and planned once, and is run again and again
 * on what its operands hold by then: a step of training, a token of decoding.
 * Get one from `device.capture()`.
 *
 * ```ts
 * import { openDevice } from "@wick/async-exec";
 * import { mul } from "@wick/core-tensor";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * using x = device.tensor([1, 2]);
 * using y = mul(x, 10);
 * using step = device.capture([y]);
 * step.run();
 * assertClose(await y.data(), [10, 20]);
 * device.write(x, [3, 4]);
 * step.run();
 * assertClose(await y.data(), [30, 40]);
 * ```
 */
export class Capture {
  readonly #run: PreparedRun;
  readonly #held: readonly Storage[];

  /**
   * Use `device.capture()` instead.
   *
   * @param run What runs the plan.
   * @param held The bytes that must stay as long: leaves and results.
   */
  constructor(run: PreparedRun, held: readonly Storage[]) {
    for (const storage of held) storage.retain();
    this.#run = run;
    this.#held = held;
  }

  /** Starts the evaluation; the captured tensors get new elements. */
  run(): void {
    this.#run.run();
  }

  /**
   * Runs the evaluation kernel by kernel, each on its own, and times them. On
   * WebGPU the device must be opened with `timestamps`.
   *
   * @returns The operations of each kernel and its milliseconds, in order.
   * @throws {TypeError} If the device cannot time kernels.
   */
  async time(): Promise<KernelTime[]> {
    return [...await this.#run.time()];
  }

  /** Gives back what only the replay needs. */
  [Symbol.dispose](): void {
    this.#run.release();
    for (const storage of this.#held) storage.release();
  }
}
