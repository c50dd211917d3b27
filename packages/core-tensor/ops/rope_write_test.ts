import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertThrows } from "@std/assert";
import { ropeTable } from "../rope_table.ts";
import { full } from "./full.ts";
import { ROPE_WRITE, ropeWrite } from "./rope_write.ts";
import { transpose } from "./transpose.ts";

const SIZES = [[1, 1, 1, 2], [9, 3, 5, 6], [5, 7, 2, 64]] as const;

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [capacity, length, heads, headDim] of SIZES) {
    Deno.test({
      name:
        `ropeWrite(${length} of ${capacity} rows of ${heads} x ${headDim}) agrees with its reference on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const half = headDim / 2;
        const shape = [4, capacity, heads, headDim];
        const old = random(shape, 1).values;
        const angles = ropeTable(random([half], 2).values, capacity + 1);
        // Heads before tokens, so that the rows do not lie row by row.
        const added = random([4, heads, length, headDim], 3);
        const places = Int32Array.of(0, capacity - 1, -1, capacity + 3);
        using cache = device.tensor(old, { shape, dtype: "f32" });
        using table = device.tensor(angles, { shape: [capacity + 1, half, 2] });
        using keys = device.tensor(added.values, {
          shape: added.shape,
          dtype: "f32",
        });
        using moved = transpose(keys, [0, 2, 1, 3]);
        using positions = device.tensor(places);
        using written = ropeWrite(cache, moved, table, positions);
        const want = ROPE_WRITE.reference([
          old,
          Float64Array.from(await moved.data()),
          Float64Array.from(angles),
          Float64Array.from(places),
        ], {
          ...{ shape, dtype: "f32", attributes: undefined },
          inputs: [cache, moved, table, positions],
        });
        assertClose(await written.data(), want);
        assertClose(await cache.data(), want);
      },
    });
  }

  Deno.test({
    name: `ropeWrite() gives NaN at a position past the table on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using cache = device.zeros([1, 3, 1, 2]);
      using written = ropeWrite(
        cache,
        device.tensor([[[[1, 2]]]]),
        device.tensor(ropeTable(Float64Array.of(1), 1), { shape: [1, 1, 2] }),
        device.tensor(Int32Array.of(1)),
      );
      assertClose(await written.data(), [0, 0, NaN, NaN, 0, 0]);
    },
  });
}

Deno.test("ropeWrite() refuses other shapes and types", () => {
  const [cache, keys] = [full([2, 9, 3, 4], 0), full([2, 1, 3, 4], 0)];
  const [table, positions] = [full([9, 2, 2], 0), full([2], 0, "i32")];
  assertThrows(
    () => ropeWrite(cache, full([2, 1, 2, 4], 0), table, positions),
    RangeError,
    "only axis 1",
  );
  assertThrows(
    () => ropeWrite(cache, keys, full([9, 3, 2], 0), positions),
    RangeError,
    "by a table of [9,3,2]",
  );
  assertThrows(
    () => ropeWrite(cache, keys, table, full([2], 0)),
    TypeError,
    "must be i32",
  );
});
