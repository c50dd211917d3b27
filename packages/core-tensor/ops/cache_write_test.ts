import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertThrows } from "@std/assert";
import { CACHE_WRITE, cacheWrite } from "./cache_write.ts";
import { full } from "./full.ts";
import { transpose } from "./transpose.ts";

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [capacity, length, width] of [[1, 1, 1], [9, 3, 65], [5, 7, 3]]) {
    Deno.test({
      name:
        `cacheWrite(${length} of ${capacity} rows of ${width}) agrees with its reference on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const shape = [4, capacity!, 1, width!];
        const old = random(shape, 1).values;
        // Transposed, so that the rows do not lie row by row.
        const added = random([4, width!, 1, length!], 2).values;
        const positions = Int32Array.of(0, capacity! - 1, -1, capacity! + 3);
        using cache = device.tensor(old, { shape, dtype: "f32" });
        using rows = device.tensor(added, {
          shape: [4, width!, 1, length!],
          dtype: "f32",
        });
        using moved = transpose(rows, [0, 3, 2, 1]);
        using written = cacheWrite(cache, moved, device.tensor(positions));
        const inputs = [
          cache,
          moved,
          { shape: [4], dtype: "i32" } as const,
        ];
        const want = CACHE_WRITE.reference(
          [
            old,
            Float64Array.from(await moved.data()),
            Float64Array.from(positions),
          ],
          { shape, dtype: "f32", inputs, attributes: undefined },
        );
        assertClose(await written.data(), want, {});
        assertClose(await cache.data(), want, {});
      },
    });
  }
}

Deno.test("cacheWrite() refuses other shapes and types", () => {
  const [cache, rows] = [full([2, 9, 3, 4], 0), full([2, 1, 3, 4], 0)];
  const positions = full([2], 0, "i32");
  assertThrows(
    () => cacheWrite(cache, full([2, 1, 3, 5], 0), positions),
    RangeError,
    "only axis 1",
  );
  assertThrows(
    () => cacheWrite(cache, rows, full([3], 0, "i32")),
    RangeError,
    "one for each of 2 rows",
  );
  assertThrows(
    () => cacheWrite(cache, rows, full([2], 0)),
    TypeError,
    "must be i32",
  );
  assertThrows(
    () => cacheWrite(cache, full([2, 1, 3, 4], 0, "i32"), positions),
    TypeError,
    "must be f32",
  );
});
