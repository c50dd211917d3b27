/**
 * What a page of a browser runs: {@linkcode runTickets} on the device that the
 * address names, whose result it sends to the server that it came from. If the
 * address says so it starts a worker that does that.
 *
 * @module
 */
import { openDevice } from "@wick/async-exec";
import { runTickets } from "./tickets_run.ts";

const { searchParams } = new URL(location.href);
if (searchParams.has("worker")) {
  const script = `/script.js?device=${searchParams.get("device")}`;
  new Worker(new URL(script, location.href), { type: "module" });
} else {
  const body = JSON.stringify(await result());
  await fetch("/result", { method: "POST", body });
}

async function result(): Promise<unknown> {
  try {
    using device = await openDevice({
      device: searchParams.get("device") === "webgpu" ? "webgpu" : "cpu",
    });
    return await runTickets(device, "/");
  } catch (error) {
    return { failed: error instanceof Error ? error.stack : String(error) };
  }
}
