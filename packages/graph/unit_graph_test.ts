import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { UnitGraph } from "./unit_graph.ts";

Deno.test("UnitGraph makes one unit of things that need nothing of each other", () => {
  const units = new UnitGraph([[], [0], [0], [1, 2]]);
  assert(units.beside(1, 2));
  assertEquals(units.order, [[[0]], [[1], [2]], [[3]]]);
  assert(!units.beside(0, 3));
  assert(!units.beside(1, 3));
});

Deno.test("UnitGraph makes a chain unless a third stands between", () => {
  const units = new UnitGraph([[], [0], [0, 1], [2]]);
  assert(!units.chain(0, 2));
  assert(units.chain(2, 3));
  assert(units.chain(0, 1));
  assertEquals(units.order, [[[0, 1]], [[2, 3]]]);
});

Deno.test("UnitGraph stays in order whatever is joined", () => {
  const things = fc.integer({ min: 2, max: 12 }).chain((count) =>
    fc.record({
      before: fc.tuple(
        ...Array.from(
          { length: count },
          (_, index) =>
            fc.subarray(Array.from({ length: index }, (_, other) => other)),
        ),
      ),
      joins: fc.array(
        fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.boolean()),
      ),
    })
  );
  fc.assert(
    fc.property(things, ({ before, joins }) => {
      const units = new UnitGraph(before);
      for (const [one, other, chain] of joins) {
        const single = [one, other].every((index) =>
          units.order.some((chains) =>
            chains.length === 1 && chains[0]!.includes(index)
          )
        );
        if (!chain) units.beside(one, other);
        else if (single) units.chain(one, other);
      }
      const done = new Set<number>();
      for (const chains of units.order) {
        const ofUnit = new Set(chains.flat());
        for (const chain of chains) {
          const earlier = new Set<number>();
          for (const index of chain) {
            for (const other of before[index]!) {
              assert(done.has(other) || earlier.has(other));
            }
            earlier.add(index);
          }
        }
        for (const index of ofUnit) done.add(index);
      }
      assertEquals(done.size, before.length);
    }),
  );
});
