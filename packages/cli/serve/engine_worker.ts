/**
 * The module that runs in the worker of the server's engine.
 *
 * @module
 */
import { EngineHost } from "./engine_host.ts";
import type { EngineCommand } from "./messages.ts";

globalThis.addEventListener("message", (event) => {
  const [port] = event instanceof MessageEvent ? event.ports : [];
  if (!port) return;
  const host = new EngineHost((reply) => port.postMessage(reply));
  port.onmessage = ({ data }) => {
    const command: EngineCommand = data;
    void host.handle(command);
  };
}, { once: true });
