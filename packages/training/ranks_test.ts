// This file is the test and, with an argument, the program of its ranks.
import { openDevice } from "@wick/async-exec";
import { type Communicator, openCommunicator } from "@wick/distributed";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { random } from "@wick/testing";
import { MPI_LAUNCHERS } from "@wick/testing/mpi";
import { assertEquals, assertMatch } from "@std/assert";
import { IGNORED, type TokenizedExample, Trainer } from "./mod.ts";

const SELF = new URL(import.meta.url).pathname;
const MODEL = "testdata/conformance/models/tiny-llama";

/** Examples of which some have hardly a token that counts. */
function examples(count: number, seed: number): TokenizedExample[] {
  return Array.from({ length: count }, (_, index) => {
    const length = 6 + index * 7 % 12;
    const { values } = random([length], seed + index, {
      ...{ low: 0, high: 320, dtype: "i32" },
    });
    const masked = index % 3 === 0 ? length - 1 : index % length;
    return {
      ids: [...values],
      labels: Array.from(values, (id, i) => i < masked ? IGNORED : id),
    };
  });
}

/** What a rank saw. */
interface Seen {
  readonly rank: number;
  readonly losses: number[];
  readonly validation: number | undefined;
  readonly adapter: number[];
}

async function train(
  kind: string,
  communicator: Communicator,
): Promise<Seen> {
  using device = await openDevice({ device: "cpu", announce: false });
  using model = await CausalLanguageModel.load(device, MODEL);
  const seed = kind === "unequal" ? communicator.rank : 7;
  const config = loraConfig({ rank: 4, alpha: 8 });
  using adapter = LoraAdapter.inject(model, config, { seed });
  const stop = new AbortController();
  if (kind === "stop" && communicator.rank === 1) stop.abort();
  const trainer = new Trainer(
    model,
    adapter,
    examples(23, 1),
    examples(5, 100),
    {
      ...{ steps: 6, batchSize: 4, gradientAccumulation: 2 },
      ...{ learningRate: 1e-2, seed: 3, compareEvery: 2, communicator },
      ...(kind === "packed" && { packLength: 24 }),
      ...((kind === "bf16" || kind === "f16") && { exchange: kind }),
      signal: stop.signal,
    },
  );
  try {
    const reports = await trainer.run();
    const values = [];
    for (const tensor of adapter.parameters.values()) {
      values.push(...await tensor.data());
    }
    return {
      rank: communicator.rank,
      losses: reports.map(({ loss }) => loss),
      validation: reports.at(-1)?.validationLoss,
      adapter: values.map(Number),
    };
  } catch (error) {
    Deno.stderr.writeSync(new TextEncoder().encode(`${error}\n`));
    return await communicator.abort(1);
  }
}

if (import.meta.main && Deno.args[0] === "rank") {
  using communicator = openCommunicator();
  const seen = await train(Deno.args[1]!, communicator);
  // One rank prints for all: the launcher mixes what several print.
  const all = await communicator.gather(
    new TextEncoder().encode(JSON.stringify(seen)),
  );
  for (const bytes of all) {
    Deno.stdout.writeSync(bytes);
    Deno.stdout.writeSync(new TextEncoder().encode("\n"));
  }
}

const [launcher] = MPI_LAUNCHERS;

async function run(ranks: number, kind: string) {
  const result = await launcher!.run(ranks, [
    ...["run", "-A", "--no-prompt", SELF, "rank", kind],
  ], { env: { WICK_BLAS: "off" } });
  const seen: Seen[] = result.out.split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  return { ...result, seen };
}

function relative(one: readonly number[], other: readonly number[]): number {
  const difference = Math.hypot(...one.map((value, i) => value - other[i]!));
  return difference / Math.hypot(...other);
}

for (const kind of ["padded", "packed"]) {
  Deno.test({
    name: `two and four ranks train as one process does, ${kind} rows`,
    ignore: launcher!.ignore,
    async fn() {
      const { seen: [alone] } = await run(1, kind);
      // Four have MPI add what two add themselves.
      for (const ranks of [2, 4]) {
        const { code, seen } = await run(ranks, kind);
        assertEquals([code, seen.length], [0, ranks]);
        for (const { losses, adapter, validation } of seen) {
          assertEquals(losses, seen[0]!.losses);
          assertEquals(adapter, seen[0]!.adapter);
          for (const [step, loss] of losses.entries()) {
            const expected = alone!.losses[step]!;
            assertEquals(Math.abs(loss / expected - 1) < 1e-5, true);
          }
          const shift = Math.abs(validation! / alone!.validation! - 1);
          assertEquals(shift < 1e-5, true);
          assertEquals(relative(adapter, alone!.adapter) < 1e-4, true);
        }
      }
      assertEquals(alone!.losses.length, 6);
      assertEquals(alone!.losses[5]! < alone!.losses[0]!, true);
    },
  });
}

for (const exchange of ["bf16", "f16"]) {
  Deno.test({
    name: `ranks that exchange ${exchange} have the same bits`,
    ignore: launcher!.ignore,
    async fn() {
      const { seen: [alone] } = await run(1, "padded");
      const { code, seen } = await run(3, exchange);
      assertEquals([code, seen.length], [0, 3]);
      for (const { losses, adapter } of seen) {
        assertEquals(adapter, seen[0]!.adapter);
        for (const [step, loss] of losses.entries()) {
          const shift = Math.abs(loss / alone!.losses[step]! - 1);
          // The first is before any exchange; bf16 keeps 8 bits.
          assertEquals(shift < (step === 0 ? 1e-5 : 5e-3), true);
        }
        // Halves were sent: otherwise it would be as near as f32 is.
        assertEquals(relative(adapter, alone!.adapter) > 1e-6, true);
      }
    },
  });
}

Deno.test({
  name: "ranks that began with other numbers are told before the first step",
  ignore: launcher!.ignore,
  async fn() {
    const { code, error } = await run(3, "unequal");
    assertEquals(code === 0, false);
    assertMatch(error, /ranks 1, 2 began with other numbers than rank 0/);
  },
});

Deno.test({
  name: "all ranks stop after the same step when one is asked to",
  ignore: launcher!.ignore,
  async fn() {
    const { seen } = await run(3, "stop");
    assertEquals(seen.map(({ losses }) => losses.length), [1, 1, 1]);
  },
});
