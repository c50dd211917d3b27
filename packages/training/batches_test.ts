import { assertEquals, assertNotEquals } from "@std/assert";
import { commonLength, makeBatch, stepExamples } from "./mod.ts";

Deno.test("makeBatch() fills rows and moves labels to where they are predicted", () => {
  const batch = makeBatch([
    { ids: [5, 6, 7], labels: [-100, 6, 7] },
    { ids: [8], labels: [8] },
  ], { length: 4, fillTokenId: 9 });
  assertEquals(batch.ids, Int32Array.of(5, 6, 7, 9, 8, 9, 9, 9));
  assertEquals(
    batch.nextIds,
    Int32Array.of(6, 7, -100, -100, -100, -100, -100, -100),
  );
  assertEquals([batch.tokens, batch.counted], [4, 2]);
});

Deno.test("makeBatch() has rows that do not count where more are wanted", () => {
  const { rows, ids, nextIds, counted } = makeBatch(
    [{ ids: [5, 6], labels: [-100, 6] }],
    { length: 2, rows: 2 },
  );
  assertEquals({ rows, ids, nextIds, counted }, {
    rows: 2,
    ids: Int32Array.of(5, 6, 0, 0),
    nextIds: Int32Array.of(6, -100, -100, -100),
    counted: 1,
  });
});

Deno.test("commonLength() rounds the longest up to a multiple of 8", () => {
  const example = (length: number) => ({
    ids: new Array<number>(length).fill(1),
    labels: new Array<number>(length).fill(1),
  });
  assertEquals(commonLength([example(3), example(17)]), 24);
});

Deno.test("stepExamples() takes every example once a round, each in an order of its own", () => {
  const order = { count: 10, batchSize: 4, seed: 3 };
  const taken = [0, 1, 2, 3, 4].flatMap((step) => stepExamples(order, step));
  const rounds = [taken.slice(0, 10), taken.slice(10, 20)];
  for (const round of rounds) {
    assertEquals(round.toSorted((a, b) => a - b), [
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
    ]);
  }
  assertNotEquals(rounds[0], rounds[1]);
  assertNotEquals(stepExamples({ ...order, seed: 4 }, 0), taken.slice(0, 4));
});
