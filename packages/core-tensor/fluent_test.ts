import { assertEquals } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { add, FluentTensor, matmul, silu, softmax, sum } from "./mod.ts";
import * as operations from "./ops/mod.ts";

Deno.test("every method does what the function of its name does", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const x = device.tensor([[1, 2], [3, 4]]);
  const w = device.tensor([[0.5, -1], [2, 0.25]]);
  const pairs = [
    [x.matmul(w).add(1).silu(), silu(add(matmul(x, w), 1))],
    [
      x.softmax(0).sum(1, { keepDimensions: true }),
      sum(softmax(x, 0), 1, {
        keepDimensions: true,
      }),
    ],
  ] as const;
  for (const [method, plain] of pairs) {
    assertEquals(method.shape, plain.shape);
    assertEquals(await method.data(), await plain.data());
  }
});

Deno.test("every method has an operation of its name", () => {
  const names = Object.getOwnPropertyNames(FluentTensor.prototype)
    .filter((name) => name !== "constructor");
  assertEquals(names.length >= 30, true);
  for (const name of names) assertEquals(name in operations, true, name);
});
