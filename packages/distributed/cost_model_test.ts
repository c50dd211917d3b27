import { type JobCosts, mostUsefulRanks, predictStep } from "@wick/distributed";
import { assertClose } from "@wick/testing";
import { assertEquals } from "@std/assert";

const COSTS: JobCosts = {
  fixedSeconds: 0.002,
  secondsPerRow: 0.001,
  exchangedBytes: 8e6,
  bandwidth: 1e9,
  latency: 1e-4,
  transferSeconds: 0.001,
};

Deno.test("one rank exchanges nothing", () => {
  const { stepSeconds, exchangeSeconds, efficiency } = predictStep(COSTS, {
    ranks: 1,
    rows: 64,
  });
  assertClose([stepSeconds], [0.066]);
  assertEquals([exchangeSeconds, efficiency], [0, 1]);
});

Deno.test("four ranks: a quarter of the rows, and the exchange", () => {
  const { stepSeconds } = predictStep(COSTS, { ranks: 4, rows: 64 });
  const exchange = 0.001 + 2 * 2 * 1e-4 + 1.5 * 8e6 / 1e9;
  assertClose([stepSeconds], [0.002 + 0.016 + exchange]);
});

Deno.test("more rows pay for more ranks", () => {
  assertEquals(mostUsefulRanks(COSTS, 64), 4);
  assertEquals(mostUsefulRanks(COSTS, 4096) > mostUsefulRanks(COSTS, 64), true);
});
