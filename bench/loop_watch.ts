/** Looks how long the event loop stands still. */
export class LoopWatch {
  #last = performance.now();
  #longest = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Starts to look, each millisecond. */
  constructor() {
    this.#timer = setInterval(() => this.#look(), 1);
  }

  /**
   * Ends to look.
   *
   * @returns The milliseconds of the longest gap.
   */
  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#longest;
  }

  #look(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }
}
