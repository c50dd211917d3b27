import { add, exp, mul, type Tensor } from "@wick/core-tensor";
import { TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { recordedOrder, topologicalOrder } from "./topological_order.ts";

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

function assertOperandsFirst(order: readonly Tensor[]): void {
  const place = new Map(order.map((tensor, index) => [tensor, index]));
  assertEquals(place.size, order.length);
  for (const tensor of order) {
    for (const input of tensor.known ? [] : tensor.inputs) {
      assertEquals(place.get(input)! < place.get(tensor)!, true);
    }
  }
}

Deno.test("topologicalOrder() lists each tensor once, operands first", async () => {
  const device = await cpu.open();
  const [a, b] = [device.tensor([1, 2]), device.tensor([3, 4])];
  const shared = mul(a, b);
  const roots = [add(exp(shared), shared), exp(shared), shared, a];
  const order = topologicalOrder(roots);
  assertOperandsFirst(order);
  assertEquals(order.length, 6);
  for (const root of roots) assertEquals(order.includes(root), true);
});

Deno.test("topologicalOrder() stops at known tensors, recordedOrder() does not", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2], { trainable: true });
  const y = exp(x).eval();
  const z = add(y, y);
  assertEquals(topologicalOrder([z]), [y, z]);
  assertEquals(recordedOrder([z]), [x, y, z]);
});

Deno.test("topologicalOrder() of a diamond of a thousand floors takes no more than each once", async () => {
  const device = await cpu.open();
  let y: Tensor = device.tensor([1]);
  for (let floor = 0; floor < 1000; floor++) y = add(y, y);
  assertEquals(topologicalOrder([y]).length, 1001);
});
