/**
 * The module that runs in the worker of a `WorkerDevice`: opens a device and
 * does what messages say.
 *
 * @module
 */
import { openDevice } from "../open_device.ts";
import { DeviceServer } from "./device_server.ts";
import type { Command, Reply, StartMessage } from "./messages.ts";
import { toPlainError } from "./plain_error.ts";

globalThis.addEventListener("message", (event) => {
  const [port] = event instanceof MessageEvent ? event.ports : [];
  if (!(event instanceof MessageEvent) || !port) return;
  const { options }: StartMessage = event.data;
  start(port, options);
}, { once: true });

async function start(
  port: MessagePort,
  options: StartMessage["options"],
): Promise<void> {
  const reply = (message: Reply, transfer: Transferable[] = []): void =>
    port.postMessage(message, transfer);
  try {
    const { backend, name, description } = await openDevice(options);
    const server = new DeviceServer(backend, reply);
    port.onmessage = ({ data }) => {
      const commands: readonly Command[] = data;
      for (const command of commands) server.handle(command);
    };
    reply({ kind: "done", request: 0, value: { name, description } });
  } catch (error) {
    reply({ kind: "failed", request: 0, error: toPlainError(error) });
  }
}
