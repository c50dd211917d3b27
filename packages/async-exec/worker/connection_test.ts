import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceLostError } from "../device_lost_error.ts";
import { nextTurn } from "../next_turn.ts";
import { Connection } from "./connection.ts";
import type { Command } from "./messages.ts";

/** A connection whose other end is the test; the worker only waits. */
function connect(script: string): {
  connection: Connection;
  worker: Worker;
  batches: Command[][];
  port: MessagePort;
} {
  const url = URL.createObjectURL(
    new Blob([script], { type: "text/javascript" }),
  );
  const worker = new Worker(url, { type: "module" });
  URL.revokeObjectURL(url);
  const { port1, port2 } = new MessageChannel();
  const batches: Command[][] = [];
  port2.onmessage = ({ data }) => batches.push(data);
  const connection = new Connection(worker, port1);
  return { connection, worker, batches, port: port2 };
}

const IDLE = "onmessage = () => {};";

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
}

Deno.test("Connection sends the commands of a turn in one message", async () => {
  const { connection, batches, port } = connect(IDLE);
  connection.post({ kind: "forget", graph: 1 });
  connection.release(7);
  connection.release(8);
  connection.post({ kind: "forget", graph: 2 });
  connection.release(9);
  await turns();
  assertEquals(batches, [[
    { kind: "forget", graph: 1 },
    { kind: "forget", graph: 2 },
    { kind: "release", ids: [7, 8, 9] },
  ]]);
  connection.close();
  port.close();
});

Deno.test("Connection sends at once what was posted before a flush", async () => {
  const { connection, batches, port } = connect(IDLE);
  connection.release(1);
  connection.post({ kind: "forget", graph: 1 });
  connection.flush();
  connection.release(2);
  await turns();
  assertEquals(batches.map((batch) => batch.map(({ kind }) => kind)), [
    ["forget", "release"],
    ["release"],
  ]);
  connection.close();
  port.close();
});

Deno.test("Connection gives each request its own answer", async () => {
  const { connection, batches, port } = connect(IDLE);
  const asked = [1, 2, 3].map(() =>
    connection.request((request) => ({ kind: "statistics", request }))
  );
  await turns();
  const requests = batches.flat().map((command) =>
    command.kind === "statistics" ? command.request : -1
  );
  assertEquals(new Set(requests).size, 3);
  const [a, b, c] = requests;
  port.postMessage({
    kind: "failed",
    request: b,
    error: { name: "RangeError", message: "Too long" },
  });
  port.postMessage({ kind: "done", request: c, value: null });
  port.postMessage({
    kind: "done",
    request: a,
    value: Float32Array.of(1, 2),
  });
  assertEquals(await asked[0], Float32Array.of(1, 2));
  await assertRejects(() => asked[1]!, RangeError, "Too long");
  assertEquals(await asked[2], null);
  connection.close();
  port.close();
});

Deno.test("a worker that dies rejects all who wait, and what follows", async () => {
  const { connection, worker, port } = connect(
    "onmessage = () => { throw new RangeError('Out of luck'); };",
  );
  const asked = [1, 2].map(() =>
    connection.request((request) => ({ kind: "statistics", request }))
  );
  worker.postMessage("die");
  for (const answer of asked) {
    await assertRejects(() => answer, DeviceLostError, "Out of luck");
  }
  assertThrows(
    () => connection.post({ kind: "forget", graph: 1 }),
    DeviceLostError,
    "the worker of the device ended",
  );
  await assertRejects(
    () => connection.request((request) => ({ kind: "statistics", request })),
    DeviceLostError,
  );
  // Giving back what is gone already is no error.
  connection.release(1);
  await turns();
  connection.close();
  port.close();
});

Deno.test("a worker whose module does not load rejects who waits", async () => {
  const { connection, port } = connect("import './no_such_module.ts';");
  await assertRejects(
    () => connection.request((request) => ({ kind: "statistics", request })),
    DeviceLostError,
  );
  port.close();
});
