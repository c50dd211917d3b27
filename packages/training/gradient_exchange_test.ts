// This file is the test and, with an argument, the program of its ranks.
import { type Device, openDevice } from "@wick/async-exec";
import { mul } from "@wick/core-tensor";
import { type Communicator, openCommunicator } from "@wick/distributed";
import { random, TEST_DEVICES } from "@wick/testing";
import { MPI_LAUNCHERS } from "@wick/testing/mpi";
import { assertEquals } from "@std/assert";
import { EXCHANGE_DTYPES, GradientExchange } from "./mod.ts";

const SELF = new URL(import.meta.url).pathname;

// Several buckets, the last of them short, and a group of less than one.
const SHAPES = [[1088], [192]];
const BUCKET_BYTES = 1024;

function gradient(size: number, seed: number): Float32Array {
  const { values } = random([size], seed, { low: -2, high: 2 });
  return Float32Array.from(values);
}

/** The largest difference from the sum of what all ranks had, by type. */
async function differences(
  device: Device,
  communicator: Communicator,
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const dtype of EXCHANGE_DTYPES) {
    using exchange = new GradientExchange(communicator, device, SHAPES, {
      dtype,
      bucketBytes: BUCKET_BYTES,
    });
    const totals = exchange.totals().map((total) => mul(total, 0.5));
    using capture = device.capture(totals);
    let most = 0;
    // Twice, so that what the first run left behind is seen.
    for (const round of [0, 1]) {
      for (const [group, sum] of exchange.sums.entries()) {
        const seed = 100 * round + 10 * group + communicator.rank;
        device.write(sum, gradient(sum.size, seed));
      }
      await exchange.run();
      capture.run();
      for (const [group, total] of totals.entries()) {
        const parts = Array.from(
          { length: communicator.size },
          (_, rank) => gradient(total.size, 100 * round + 10 * group + rank),
        );
        (await total.data()).forEach((value, i) => {
          const expected = parts.reduce((sum, part) => sum + part[i]!, 0);
          most = Math.max(most, Math.abs(2 * value - expected));
        });
      }
      found[dtype] = most;
    }
    found[`${dtype} bytes`] = exchange.bytes;
    for (const total of totals) total.dispose();
  }
  return found;
}

if (import.meta.main && Deno.args[0] === "rank") {
  using communicator = openCommunicator();
  using device = await openDevice({
    device: Deno.args[1] === "cpu" ? "cpu" : "webgpu",
    announce: false,
  });
  const found = await differences(device, communicator);
  using memory = await communicator.shareMemory(8);
  found.shared = memory ? 1 : 0;
  const bytes = new TextEncoder().encode(JSON.stringify(found));
  const all = await communicator.gather(bytes);
  for (const part of all) {
    Deno.stdout.writeSync(part);
    Deno.stdout.writeSync(new TextEncoder().encode("\n"));
  }
}

for (const launcher of MPI_LAUNCHERS) {
  for (const { name, ignore } of TEST_DEVICES) {
    // Three have MPI add what two add themselves.
    const cases = [[2, "on"], [2, "off"], [3, "on"]] as const;
    for (const [ranks, memory] of name === "cpu" ? cases : cases.slice(0, 2)) {
      Deno.test({
        name:
          `${launcher.name}: ${ranks} ranks sum gradients on ${name}, shared memory ${memory}`,
        ignore: launcher.ignore || ignore,
        async fn() {
          const { code, out, error } = await launcher.run(ranks, [
            ...["run", "-A", "--no-prompt", SELF, "rank", name],
          ], { env: { WICK_SHARED_MEMORY: memory } });
          assertEquals(code, 0, error);
          const lines = out.split("\n").filter((line) => line.startsWith("{"));
          assertEquals(lines.length, ranks);
          for (const line of lines) {
            const found = JSON.parse(line);
            const count = SHAPES.flat().reduce((a, b) => a + b);
            assertEquals(found.shared, memory === "on" ? 1 : 0);
            assertEquals(found["f32 bytes"], 4 * count);
            assertEquals(found["bf16 bytes"], 2 * count);
            // Each rank's part is below 2: half of the last place that is kept.
            assertEquals(found.f32 < 1e-6 * ranks, true, line);
            assertEquals(found.bf16 < ranks * 2 ** -8, true, line);
            assertEquals(found.f16 < ranks * 2 ** -11, true, line);
            assertEquals(found.bf16 > found.f16, true, line);
            assertEquals(found.f16 > 1e-5, true, line);
          }
        },
      });
    }
  }
}
