import { assert, assertEquals } from "@std/assert";
import { BatchSource, stepExamples } from "./mod.ts";

const LENGTHS = Array.from({ length: 203 }, (_, i) => 3 + i * 37 % 90);

Deno.test("batches of like length take every example once a round, in another order each", () => {
  const order = {
    count: LENGTHS.length,
    batchSize: 8,
    seed: 4,
    lengths: LENGTHS,
  };
  const take = (first: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => stepExamples(order, first + i))
      .flat();
  const round = take(0, 26).slice(0, 203);
  assertEquals(round.toSorted((a, b) => a - b), LENGTHS.map((_, i) => i));
  const next = take(25, 27).slice(3, 206);
  assertEquals(next.toSorted((a, b) => a - b), LENGTHS.map((_, i) => i));
  assert(`${next}` !== `${round}`);
  // Within a batch lengths differ far less than in the data.
  const spreads = Array.from({ length: 24 }, (_, batch) => {
    const lengths = round.slice(8 * batch, 8 * batch + 8).map((i) =>
      LENGTHS[i]!
    );
    return Math.max(...lengths) - Math.min(...lengths);
  });
  const mean = spreads.reduce((a, b) => a + b) / spreads.length;
  assert(mean < 12, `${mean}`);
});

Deno.test("batches of like length have few lengths, and hold less filling", () => {
  const examples = LENGTHS.map((length) => {
    const ids = Array.from({ length }, (_, i) => i);
    return { ids, labels: ids };
  });
  const options = { batchSize: 8, seed: 1, maxLength: 256 };
  const [plain, grouped] = [false, true].map((groupByLength) => {
    const source = new BatchSource(examples, { ...options, groupByLength });
    return Array.from({ length: 25 }, (_, index) => source.batch(index));
  });
  const filled = (batches: typeof plain): number =>
    batches!.reduce(
      (sum, { rows, length, tokens }) => sum + rows * length - tokens,
      0,
    );
  assertEquals(new Set(plain!.map(({ length }) => length)), new Set([96]));
  assert(new Set(grouped!.map(({ length }) => length)).size <= 8);
  assert(filled(grouped) < 0.4 * filled(plain), `${filled(grouped)}`);
});
