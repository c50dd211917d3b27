import { JOB, takeUnit, work, type WorkerStart } from "./threads_worker.ts";

/**
 * Whether threads can share memory: in a browser only on a page that is
 * isolated from others, by the headers `cross-origin-opener-policy` and
 * `cross-origin-embedder-policy`.
 */
export const SHARES_MEMORY: boolean =
  Reflect.get(globalThis, "crossOriginIsolated") !== false;

/** Whether this thread may sleep: the one that draws a page may not. */
export const MAY_SLEEP: boolean = !("document" in globalThis);

/**
 * Starts a thread that takes units of work. It keeps no process alive where
 * there is one.
 *
 * @param start What it works on.
 */
export function startThread(start: WorkerStart): void {
  // Imported by name this would keep a browser from loading the package.
  const threads = globalThis.process?.getBuiltinModule?.(
    "node:worker_threads",
  );
  if (threads) {
    const text = `import { workerData } from "node:worker_threads";
(${work})(workerData, ${JSON.stringify(JOB)}, ${takeUnit});`;
    new threads.Worker(addressOf(text), { workerData: start }).unref();
    return;
  }
  const text = `onmessage = ({ data }) => {
(${work})(data, ${JSON.stringify(JOB)}, ${takeUnit});
close();
};`;
  new Worker(addressOf(text), { type: "module" }).postMessage(start);
}

/** The text itself is the address: no file needs to be read or fetched. */
function addressOf(text: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}
