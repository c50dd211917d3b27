/** Measures how long the event loop stands still. */
export interface LoopWatch extends Disposable {
  /** The longest time that it stood still so far, in seconds. */
  readonly longestGap: number;
}

// Milliseconds between two looks: timers are late by less in a live loop.
const INTERVAL = 10;

/**
 * Begins to watch the event loop of this thread. It does not keep it alive.
 *
 * @returns The watch, to be closed.
 */
export function watchLoop(): LoopWatch {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - INTERVAL);
    last = now;
  }, INTERVAL);
  Deno.unrefTimer(timer);
  return {
    get longestGap(): number {
      return longest / 1000;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
