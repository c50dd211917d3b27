import {
  add,
  argmax,
  cast,
  exp,
  greater,
  matmul,
  mul,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { gradients } from "./gradients.ts";
import { recordedOrder } from "./topological_order.ts";

for (const { name, ignore, open } of TEST_DEVICES) {
  const test = (title: string, fn: () => Promise<void>): void =>
    Deno.test({ name: `${title} on ${name}`, ignore, fn });

  test("gradients of branches add up", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3], { trainable: true });
    const y = add(mul(x, x), mul(exp(mul(x, 0)), x));
    const [dx] = gradients(y, [x]);
    // d(x² + e^0·x) = 2x + 1, and the path through e^(0·x) adds nothing.
    assertClose(await dx!.data(), [3, 5, 7]);
  });

  test("gradients that are constants can be read", async () => {
    const device = await open();
    const x = device.tensor([1, 2], { trainable: true });
    const other = device.tensor([5], { trainable: true });
    const [dx, none] = gradients(sum(add(x, 1)), [x, other]);
    assertEquals(await dx!.data(), Float32Array.of(1, 1));
    assertEquals(await none!.data(), Float32Array.of(0));
  });

  test("gradients of gradients are right", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3], { trainable: true });
    const [first] = gradients(mul(mul(x, x), x), [x]);
    const [second] = gradients(first!, [x]);
    assertClose(await second!.data(), [6, 12, 18]);
  });

  test("gradients can be had before or after the evaluation", async () => {
    const device = await open();
    const { values, shape } = random([5, 5], 2);
    const run = async (first: boolean): Promise<ArrayLike<number>> => {
      const x = device.tensor(values, { shape, trainable: true });
      const y = exp(mul(matmul(x, transpose(x)), 0.1));
      if (first) y.eval();
      const [dx] = gradients(y, [x]);
      return await dx!.data();
    };
    assertClose(await run(true), await run(false));
  });

  test("gradients of eager tensors are evaluated as they are recorded", async () => {
    const device = await open();
    const x = device.eager.tensor([1, 2], { trainable: true });
    const [dx] = gradients(mul(x, x), [x]);
    assertEquals(dx!.known, true);
    assertClose(await dx!.data(), [2, 4]);
  });
}

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

Deno.test("only the gradients that are asked for are recorded", async () => {
  const device = await cpu.open();
  const x = device.tensor([[1, 2], [3, 4]], { trainable: true });
  const w = device.tensor([[1, 2], [3, 4]]);
  const operations = (of: readonly Tensor[]): number =>
    recordedOrder(of).filter(({ operation }) => operation?.name === "matmul")
      .length;
  const y = matmul(x, w);
  // The gradient of w would be one more product.
  assertEquals(operations(gradients(y, [x])), 1);
  assertEquals(operations(gradients(y, [x, w])), 2);
});

Deno.test("an operation without a gradient is named, if it is on the way", async () => {
  const device = await cpu.open();
  const x = device.tensor([1, 2], { trainable: true });
  assertThrows(
    () => gradients(argmax(x), [x]),
    TypeError,
    "Cannot differentiate argmax by operand 0: it has no gradient",
  );
  assertThrows(
    () => gradients(greater(x, 0), [x]),
    TypeError,
    "Cannot differentiate greater",
  );
  const w = device.tensor([1, 2], { trainable: true });
  const [dw] = gradients(mul(w, cast(argmax(x), "f32")), [w]);
  assertEquals(dw!.shape, [2]);
});
