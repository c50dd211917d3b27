/**
 * Measures one peer in a process of its own: `run_peer.ts PEER OPTIONS`, the
 * options as JSON. It prints a line of JSON for each item.
 *
 * A GPU is roused before each measurement: it idles from item to item and from
 * peer to peer, so else each would get the clock of the moment, and the same
 * product took 100 µs or 282. `rouse()` has a device of its own, so no peer's
 * library takes part, and what a peer holds back stays where it is.
 *
 * @module
 */
import { fenceOf, watchDevices } from "./fence.ts";
import { ITEMS } from "./item.ts";
import { measure } from "./measure.ts";
import { operand, operandsOf } from "./operands.ts";
import type { Peer } from "./peer.ts";
import type { PeerLine, RunPeerOptions } from "./peer_line.ts";
import { PEERS } from "./peers.ts";

function say(line: PeerLine): void {
  const text = `@@${JSON.stringify(line)}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** Makes a peer ask for its device, if it waits for the first work. */
async function startDevice(peer: Peer): Promise<void> {
  const item = ITEMS[0]!;
  const work = await peer.prepare(item, operandsOf(item));
  if (typeof work === "string") return;
  await work.start();
  work.flush?.();
  await work.read();
  work.close?.();
}

async function adapterIsSoftware(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter();
  return adapter?.info.isFallbackAdapter ?? true;
}

async function run(name: string, options: RunPeerOptions): Promise<void> {
  const { side, open } = operand(PEERS, name);
  if (side === "webgpu") watchDevices();
  const start = performance.now();
  const peer = await open();
  if (peer.gpu) await startDevice(peer);
  const fence = peer.gpu ? await fenceOf() : undefined;
  const milliseconds = performance.now() - start;
  say({ kind: "start", version: peer.version, milliseconds });
  const wanted = new RegExp(options.items);
  // Larger products take seconds there and tell nothing.
  const slow = name === "tfjs-cpu" ||
    name === "webgpu-torch" && await adapterIsSoftware();
  for (const item of ITEMS.filter(({ name }) => wanted.test(name))) {
    if (slow && item.size > 512 && item.kind !== "delta") {
      say({ kind: "item", item: item.name, result: "too slow to be measured" });
      continue;
    }
    say({
      kind: "item",
      item: item.name,
      result: await measure(peer, item, fence, options).catch((error) =>
        `failed: ${String(error).slice(0, 160)}`
      ),
    });
  }
}

const [name, options] = Deno.args;
if (name === undefined || options === undefined) {
  throw new TypeError("Cannot run a peer: a name and options are wanted");
}
await run(name, JSON.parse(options));
// Peers leave timers and threads behind.
Deno.exit(0);
