import { DeviceLostError } from "../device_lost_error.ts";
import { DeviceMemoryError } from "../device_memory_error.ts";

/**
 * Errors that a GPU reports outside of any call. They are kept and thrown by
 * the next call, since nobody hears them otherwise.
 */
export class FailureLog {
  readonly #device: GPUDevice;
  readonly #pending = new Set<Promise<void>>();
  #first: Error | undefined;
  #end: Error | undefined;

  /**
   * Starts to listen.
   *
   * @param device The GPU.
   */
  constructor(device: GPUDevice) {
    this.#device = device;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      if (event instanceof GPUUncapturedErrorEvent) {
        this.#report("go on", event.error);
      }
    });
    device.lost.then(({ message }) => {
      this.#end ??= new DeviceLostError(
        `Cannot go on: the GPU was lost: ${message}`,
      );
    });
  }

  /**
   * Does something, and keeps the first error that the GPU reports about it.
   *
   * @param label What it is, for the message: the operations in it.
   * @param action What to do.
   * @returns What it gives.
   */
  watch<Result>(label: string, action: () => Result): Result {
    this.#device.pushErrorScope("validation");
    try {
      return action();
    } finally {
      const reported = this.#device.popErrorScope().then(
        (error) => {
          if (error) this.#report(`run ${label}`, error);
        },
        () => {}, // A lost GPU has no scopes; its loss is reported itself.
      );
      this.#pending.add(reported);
      reported.then(() => this.#pending.delete(reported));
    }
  }

  /**
   * Throws what was reported first, once; the loss of the GPU each time.
   *
   * @throws {DeviceLostError} If the GPU was lost or closed.
   * @throws {Error} If it reported an error; the message has the label of the
   *   operations.
   */
  throwFirst(): void {
    const first = this.#end ?? this.#first;
    this.#first = undefined;
    if (first) throw first;
  }

  /** Waits for reports that are under way, then throws the first. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.throwFirst();
  }

  /**
   * Gives the reason why a read-back failed: the report that comes with it,
   * else the error itself.
   *
   * @param error The error.
   * @returns The reason.
   */
  async reasonFor(error: unknown): Promise<unknown> {
    // Reports are events: they come in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const reason = this.#end ?? this.#first ?? error;
    this.#first = undefined;
    return reason;
  }

  /** Lets all later calls fail: the device was closed. */
  close(): void {
    this.#end ??= new DeviceLostError(
      "Cannot use a device after it was closed: open another one",
    );
  }

  #report(what: string, error: GPUError): void {
    if (error instanceof GPUOutOfMemoryError) {
      this.#first ??= new DeviceMemoryError(
        `Cannot ${what}: the GPU is out of memory: ${error.message}`,
      );
    } else {
      this.#first ??= new Error(
        `Cannot ${what}: the GPU reported an error: ${error.message.trim()}`,
      );
    }
  }
}
