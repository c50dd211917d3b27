import { assert, assertEquals } from "@std/assert";
import { assignBuffers, type Lifetime } from "./assign_buffers.ts";

/** Fails if two values that live at the same time lie in one buffer. */
function assertApart(
  lifetimes: readonly Lifetime[],
  { buffers, indexes }: ReturnType<typeof assignBuffers>,
): void {
  lifetimes.forEach((a, i) => {
    assert(buffers[indexes[i]!]! >= a.bytes);
    lifetimes.forEach((b, j) => {
      if (i >= j || indexes[i] !== indexes[j]) return;
      assert(Math.min(a.to, b.to) < Math.max(a.from, b.from));
    });
  });
}

Deno.test("assignBuffers() never gives one buffer to two values at a time", () => {
  let seed = 1;
  const random = (below: number): number => {
    seed = Math.imul(seed, 1103515245) + 12345 & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 50; round++) {
    let from = 0;
    const lifetimes = Array.from({ length: 40 }, () => {
      from += random(3);
      return { bytes: 4 + random(1000), from, to: from + random(12) };
    });
    assertApart(lifetimes, assignBuffers(lifetimes));
  }
});

Deno.test("assignBuffers() lets a chain take turns in two buffers", () => {
  const lifetimes = Array.from(
    { length: 100 },
    (_, step) => ({ bytes: 64, from: step, to: step + 1 }),
  );
  assertEquals(assignBuffers(lifetimes).buffers, [64, 64]);
});

Deno.test("assignBuffers() takes the smallest that fits, else lets the largest grow", () => {
  const { buffers, indexes } = assignBuffers([
    { bytes: 100, from: 0, to: 1 },
    { bytes: 10, from: 0, to: 1 },
    { bytes: 8, from: 2, to: 9 },
    { bytes: 200, from: 2, to: 9 },
    { bytes: 1, from: 3, to: 3 },
  ]);
  assertEquals(indexes, [0, 1, 1, 0, 2]);
  assertEquals(buffers, [200, 10, 1]);
});

Deno.test("assignBuffers() keeps small values that live long out of large buffers", () => {
  const lifetimes = Array.from({ length: 20 }, (_, chunk) => [
    { bytes: 1000, from: 3 * chunk, to: 3 * chunk + 1 },
    { bytes: 1000, from: 3 * chunk + 1, to: 3 * chunk + 2 },
    { bytes: 10, from: 3 * chunk + 2, to: 60 },
  ]).flat();
  const assignment = assignBuffers(lifetimes);
  assertApart(lifetimes, assignment);
  const sum = assignment.buffers.reduce((a, b) => a + b);
  assertEquals(sum, 2 * 1000 + 20 * 10 - 10);
});

Deno.test("assignBuffers() is quick for a hundred thousand values", () => {
  const wide = Array.from(
    { length: 100_000 },
    (_, step) => ({ bytes: step % 977 + 1, from: step, to: 100_000 + step }),
  );
  const start = performance.now();
  assertEquals(assignBuffers(wide).buffers.length, 100_000);
  const chain = wide.map(({ bytes, from }) => ({ bytes, from, to: from + 50 }));
  assertEquals(assignBuffers(chain).buffers.length, 51);
  assert(performance.now() - start < 2000);
});
