import type { Communicator } from "./communicator.ts";

/**
 * Gives the communicator of a job of one process, which has nobody to wait for
 * and loads no library.
 *
 * @example Usage
 * ```ts
 * import { singleProcess } from "@wick/distributed";
 * import { assertEquals } from "@std/assert";
 *
 * using communicator = singleProcess();
 * const gradient = Float32Array.of(1, 2);
 * await communicator.allReduce(gradient);
 * assertEquals([communicator.size, ...gradient], [1, 1, 2]);
 * ```
 *
 * @returns The communicator.
 */
export function singleProcess(): Communicator {
  const done = Promise.resolve();
  return {
    rank: 0,
    size: 1,
    host: "localhost",
    description: "one process",
    broadcast: () => done,
    allReduce: () => done,
    startAllReduce: () => ({ wait: () => done }),
    startAllGather: () => ({ wait: () => done }),
    shareMemory: (bytes) =>
      Promise.resolve({
        parts: [new ArrayBuffer(bytes)],
        [Symbol.dispose]: () => {},
      }),
    gather: (bytes) => Promise.resolve([bytes.slice()]),
    allGather: (bytes) => Promise.resolve([bytes.slice()]),
    barrier: () => done,
    abort: (exitCode) => Deno.exit(exitCode),
    [Symbol.dispose]: () => {},
  };
}
