import {
  add,
  exp,
  full,
  mul,
  reshape,
  sum,
  type Tensor,
} from "@wick/core-tensor";
import { TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { structureOf } from "./structure_key.ts";

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

const key = (...roots: Tensor[]): string => structureOf(roots).key;

Deno.test("structures are equal whatever the values", async () => {
  const device = await cpu.open();
  const record = (values: number[]) => {
    const x = device.tensor(values);
    return { x, y: exp(mul(x, add(x, 1))) };
  };
  const [one, two] = [record([1, 2]), record([3, 4])];
  assertEquals(key(one.y), key(two.y));
  assertEquals(structureOf([one.y]).leaves, [one.x]);
  assertEquals(structureOf([two.y]).leaves, [two.x]);
});

Deno.test("structures differ by operation, options, shape, type, order and roots", async () => {
  const device = await cpu.open();
  const x = device.tensor([[1, 2], [3, 4]]);
  const w = device.tensor([[1, 2], [3, 4]]);
  const flat = device.tensor([1, 2, 3, 4]);
  const halves = device.tensor([[1, 2], [3, 4]], { dtype: "f16" });
  const y = exp(x);
  const keys = [
    key(add(x, w)),
    key(mul(x, w)),
    key(add(x, x)),
    key(add(w, full([2, 2], 1))),
    key(add(w, full([2, 2], 2))),
    key(sum(x, 0)),
    key(sum(x, 1)),
    key(exp(x)),
    key(exp(flat)),
    key(exp(halves)),
    key(y, add(y, 1)),
    key(add(y, 1), y),
    key(add(y, 1)),
  ];
  assertEquals(new Set(keys).size, keys.length);
});

Deno.test("a structure says which inputs share their elements", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2]);
  const same = reshape(reshape(x, [2, 1]).eval(), [2]).eval();
  const other = device.tensor([1, 2]);
  assertNotEquals(key(add(x, same)), key(add(x, other)));
  assertEquals(structureOf([add(x, same)]).leaves, [x]);
});

Deno.test("a tensor that was disposed of has no structure", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2]);
  const y = exp(x);
  // A plan for the structure exists, so the tensor must be looked at itself.
  exp(device.tensor([1, 2])).eval();
  x.dispose();
  assertThrows(() => structureOf([y]), TypeError, "it was disposed of");
  assertThrows(() => y.eval(), TypeError, "it was disposed of");
});
