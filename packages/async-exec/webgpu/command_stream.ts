import type { FailureLog } from "./failure_log.ts";

/** Dispatches from which on there is no use in waiting for more. */
export const MANY_DISPATCHES = 32;

/** How many times as many plans are handed over together each time. */
const GROWTH = 4;

/**
 * Collects the dispatches of plans that follow one another in one compute pass,
 * since an encoder, a pass and a submit take longer than a small plan does.
 *
 * The first plan is handed over at once, so that the GPU has something to do;
 * then four together, 16 and so on, up to 32 dispatches: a submit takes 20 to 45
 * µs of a core, and a GPU waits between two. Whatever is open is handed over
 * before anything that must come after it, and at the latest when the turn of
 * the event loop ends.
 */
export class CommandStream {
  readonly #device: GPUDevice;
  readonly #failures: FailureLog;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #labels: string[] = [];
  #dispatches = 0;
  #patience = 1;

  /**
   * Makes an empty stream.
   *
   * @param device The GPU.
   * @param failures Where its errors go.
   */
  constructor(device: GPUDevice, failures: FailureLog) {
    this.#device = device;
    this.#failures = failures;
  }

  /** Plans that are not handed over yet. */
  get open(): number {
    return this.#labels.length;
  }

  /**
   * Adds the dispatches of a plan.
   *
   * @param label What they are, for errors.
   * @param dispatches How many there are.
   * @param encode Puts them into a pass; must not throw.
   */
  add(
    label: string,
    dispatches: number,
    encode: (pass: GPUComputePassEncoder) => void,
  ): void {
    if (!this.#pass) {
      this.#encoder = this.#device.createCommandEncoder({ label: "plan" });
      this.#pass = this.#encoder.beginComputePass({ label: "plan" });
      queueMicrotask(() => this.flush());
    }
    encode(this.#pass);
    this.#labels.push(label);
    this.#dispatches += dispatches;
    if (
      this.#labels.length >= this.#patience ||
      this.#dispatches >= MANY_DISPATCHES
    ) {
      const patience = Math.min(GROWTH * this.#patience, MANY_DISPATCHES);
      this.#submit();
      this.#patience = patience;
    }
  }

  /**
   * Does something at once, and keeps the first error that the GPU reports.
   *
   * @param label What it is, for the message.
   * @param action What to do.
   * @returns What it gives.
   */
  watch<Result>(label: string, action: () => Result): Result {
    return this.#failures.watch(label, action);
  }

  /** Hands over what is open; the next plan will be at once. */
  flush(): void {
    this.#submit();
    this.#patience = 1;
  }

  #submit(): void {
    const [encoder, pass] = [this.#encoder, this.#pass];
    if (!encoder || !pass) return;
    const label = labelOf(this.#labels);
    this.#encoder = undefined;
    this.#pass = undefined;
    this.#labels = [];
    this.#dispatches = 0;
    this.#failures.watch(label, () => {
      pass.end();
      this.#device.queue.submit([encoder.finish()]);
    });
  }
}

function labelOf(labels: readonly string[]): string {
  const different = [...new Set(labels)];
  const shown = different.slice(0, 3).join("; ");
  return different.length > 3
    ? `${shown} and ${different.length - 3} more`
    : shown;
}
