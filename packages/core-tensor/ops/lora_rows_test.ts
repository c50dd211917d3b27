import { input, random, TEST_DEVICES, testOp } from "@wick/testing";
import { assertClose } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { full } from "./full.ts";
import { loraGather } from "./lora_gather.ts";
import { loraRows } from "./lora_rows.ts";
import { loraLinear } from "./lora_linear.ts";

// Adapters of rank 2, 1 and 4; the last column is of none.
const OWNERS = input([0, 0, 1, 2, 2, 2, 2, -2], [8], "i32");

testOp(
  (x, weight, a, b, bias, rows, owners, scales) =>
    loraRows(x, weight, a, b, { rows, owners, scales, bias }),
  [
    random([5, 3, 6], 1),
    random([7, 6], 2),
    random([6, 8], 3),
    random([8, 7], 4),
    random([7], 5),
    input([2, -1, 0, 1, 2], [5], "i32"),
    OWNERS,
    random([8], 6),
  ],
  { name: "five rows, three adapters", gradients: [0, 2, 3] },
);

testOp(
  (x, weight, a, b, rows, owners, scales) =>
    loraRows(x, weight, a, b, { rows, owners, scales }),
  [
    random([4, 16], 11),
    random([12, 16], 12),
    random([16, 8], 13),
    random([8, 12], 14),
    input([1, 0, -1, 2], [4], "i32"),
    OWNERS,
    random([8], 16),
  ],
  { name: "one token a row", gradients: [0, 2, 3] },
);

testOp(
  (x, weight, a, b, bias, rows) => loraGather(x, weight, a, b, { rows, bias }),
  [
    random([5, 3, 6], 21),
    random([7, 6], 22),
    random([3, 6, 4], 23),
    random([3, 4, 7], 24),
    random([7], 25),
    input([2, -1, 0, 1, 2], [5], "i32"),
  ],
  { name: "gathered", gradients: [0, 2, 3] },
);

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `loraRows() runs as loraLinear() does for each row, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const tensor = (shape: readonly number[], seed: number) =>
        device.tensor(random(shape, seed).values, { shape, dtype: "f32" });
      const [x, weight] = [tensor([3, 2, 64], 1), tensor([32, 64], 2)];
      const [a, b] = [tensor([64, 16], 3), tensor([16, 32], 4)];
      const y = loraRows(x, weight, a, b, {
        rows: device.tensor(Int32Array.of(1, -1, 0)),
        owners: device.tensor(
          Int32Array.from({ length: 16 }, (_, i) => Number(i >= 4)),
        ),
        scales: device.tensor(
          Array.from({ length: 16 }, (_, i) => i < 4 ? 3 : 2),
        ),
      });
      const alone = (row: number, from: number, to: number, scaling: number) =>
        loraLinear(
          x.slice([row, 0, 0], [row + 1, 2, 64]),
          weight,
          a.slice([0, from], [64, to]),
          b.slice([from, 0], [to, 32]),
          { scaling },
        );
      assertEquals(device.planOf([y]).steps.length, 2);
      const want = await Promise.all(
        [alone(0, 4, 16, 2), alone(1, 0, 4, 0), alone(2, 0, 4, 3)]
          .map((row) => row.data()),
      );
      assertClose(
        await y.data(),
        Float32Array.from(want.flatMap((row) => [...row])),
        // Sums over 64 terms of about 1, in another order.
        { rtol: 1e-5, atol: 1e-5 },
      );
    },
  });
}

Deno.test("loraRows() says what does not fit", () => {
  assertThrows(
    () =>
      loraRows(
        full([3, 2], 0),
        full([4, 2], 0),
        full([2, 5], 0),
        full([5, 4], 0),
        {
          rows: full([2], 0, "i32"),
          owners: full([5], 0, "i32"),
          scales: full([5], 0),
        },
      ),
    RangeError,
    "3 rows of 5 ranks with rows [2], owners [5] and scales [5]: they must be [3], [5] and [5]",
  );
});
