import { type JobCosts, mostUsefulRanks, predictStep } from "@wick/distributed";
import { assertClose } from "@wick/testing";
import { assertEquals } from "@std/assert";

const COSTS: JobCosts = {
  fixedSeconds: 0.002,
  secondsPerRow: 0.001,
  exchangedBytes: 8e6,
  bandwidth: 1e9,
  latency: 1e-4,
  readSeconds: 0.0007,
  writeSeconds: 0.0003,
};

Deno.test("one rank exchanges nothing", () => {
  const { stepSeconds, exchangeSeconds, efficiency } = predictStep(COSTS, {
    ranks: 1,
    rows: 64,
  });
  assertClose([stepSeconds], [0.066]);
  assertEquals([exchangeSeconds, efficiency], [0, 1]);
});

Deno.test("two ranks: half of the rows, and the gradients of the other", () => {
  const { stepSeconds } = predictStep(COSTS, { ranks: 2, rows: 64 });
  const gathered = 0.0007 + 2 * 1e-4 + 0.0003 + 8e6 / 1e9;
  assertClose([stepSeconds], [0.002 + 0.032 + gathered]);
  const near = { ...COSTS, sharesMemory: true };
  const { exchangeSeconds } = predictStep(near, { ranks: 2, rows: 64 });
  assertClose([exchangeSeconds], [gathered - 8e6 / 1e9]);
  // What is reduced is sent.
  assertEquals(
    predictStep(near, { ranks: 4, rows: 64 }),
    predictStep(COSTS, { ranks: 4, rows: 64 }),
  );
});

Deno.test("more ranks have their gradients reduced, or gather them all", () => {
  const job = { ranks: 4, rows: 64 };
  const loss = 2 * 2 * 1e-4;
  const reduced = predictStep(COSTS, job);
  assertClose([reduced.exchangeSeconds], [0.001 + 2 * loss + 1.5 * 8e6 / 1e9]);
  const gathered = predictStep(COSTS, { ...job, gathers: true });
  assertClose([gathered.exchangeSeconds], [
    0.0007 + loss + 3 * (0.0003 + 8e6 / 1e9),
  ]);
});

Deno.test("more rows pay for more ranks", () => {
  assertEquals(mostUsefulRanks(COSTS, 64), 4);
  assertEquals(mostUsefulRanks(COSTS, 4096) > mostUsefulRanks(COSTS, 64), true);
});
