import type { OpenDeviceOptions } from "./open_device.ts";
import { Connection } from "./worker/connection.ts";
import type { StartMessage } from "./worker/messages.ts";
import { WorkerDevice } from "./worker/worker_device.ts";

/**
 * Opens a device in a worker: the same operations, while the event loop of
 * this thread stays live. The worker needs leave to read this module.
 *
 * @example Usage
 * ```ts
 * import { openWorkerDevice } from "@wick/async-exec";
 * import { matmul } from "@wick/core-tensor";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openWorkerDevice({ device: "cpu" });
 * const x = device.tensor([[1, 2], [3, 4]]);
 * assertClose(await matmul(x, x).data(), [7, 10, 15, 22]);
 * ```
 *
 * @param options Which device, and its limits.
 * @returns The device; close it by `using`.
 * @throws {TypeError} If WebGPU is asked for and there is no adapter.
 * @throws {RangeError} If `WICK_DEVICE` is set to something else.
 * @throws {DeviceLostError} If the worker does not start.
 */
export async function openWorkerDevice(
  options: OpenDeviceOptions = {},
): Promise<WorkerDevice> {
  const worker = new Worker(
    new URL("./worker/worker_main.ts", import.meta.url),
    { type: "module", name: "wick device" },
  );
  const { port1, port2 } = new MessageChannel();
  const connection = new Connection(worker, port1);
  const start: StartMessage = { options };
  try {
    const opened = await connection.wait(
      0,
      () => worker.postMessage(start, [port2]),
    );
    if (opened && "description" in opened) {
      return new WorkerDevice(connection, opened);
    }
    throw new TypeError("Cannot open a device in a worker: it sent no name");
  } catch (error) {
    connection.close();
    throw error;
  }
}
