import { assertEquals } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { FluentTensor, type Tensor } from "./mod.ts";
import * as operations from "./ops/mod.ts";

type Compute = (x: Tensor, y: Tensor) => Tensor;

/** What each method is called with, and the function of its name. */
const PAIRS: Record<keyof FluentTensor, [method: Compute, plain: Compute]> = {
  add: [(x, y) => x.add(y), (x, y) => operations.add(x, y)],
  sub: [(x, y) => x.sub(y), (x, y) => operations.sub(x, y)],
  mul: [(x, y) => x.mul(y), (x, y) => operations.mul(x, y)],
  div: [(x, y) => x.div(y), (x, y) => operations.div(x, y)],
  maximum: [(x, y) => x.maximum(y), (x, y) => operations.maximum(x, y)],
  minimum: [(x, y) => x.minimum(y), (x, y) => operations.minimum(x, y)],
  equal: [(x, y) => x.equal(y), (x, y) => operations.equal(x, y)],
  less: [(x, y) => x.less(y), (x, y) => operations.less(x, y)],
  greater: [(x, y) => x.greater(y), (x, y) => operations.greater(x, y)],
  pow: [(x) => x.pow(1.5), (x) => operations.pow(x, 1.5)],
  neg: [(x) => x.neg(), (x) => operations.neg(x)],
  abs: [(x) => x.abs(), (x) => operations.abs(x)],
  exp: [(x) => x.exp(), (x) => operations.exp(x)],
  log: [(x) => x.log(), (x) => operations.log(x)],
  sqrt: [(x) => x.sqrt(), (x) => operations.sqrt(x)],
  rsqrt: [(x) => x.rsqrt(), (x) => operations.rsqrt(x)],
  square: [(x) => x.square(), (x) => operations.square(x)],
  tanh: [(x) => x.tanh(), (x) => operations.tanh(x)],
  sigmoid: [(x) => x.sigmoid(), (x) => operations.sigmoid(x)],
  relu: [(x) => x.relu(), (x) => operations.relu(x)],
  silu: [(x) => x.silu(), (x) => operations.silu(x)],
  gelu: [(x) => x.gelu(), (x) => operations.gelu(x)],
  matmul: [(x, y) => x.matmul(y), (x, y) => operations.matmul(x, y)],
  transpose: [
    (x) => x.reshape([1, 2, 2]).transpose([2, 0, 1]),
    (x) => operations.transpose(x.reshape([1, 2, 2]), [2, 0, 1]),
  ],
  reshape: [(x) => x.reshape([4, -1]), (x) => operations.reshape(x, [4, -1])],
  broadcastTo: [
    (x) => x.broadcastTo([3, 2, 2]),
    (x) => operations.broadcastTo(x, [3, 2, 2]),
  ],
  slice: [
    (x) => x.slice([0, 1], [1, 2]),
    (x) => operations.slice(x, [0, 1], [1, 2]),
  ],
  cast: [(x) => x.cast("i32"), (x) => operations.cast(x, "i32")],
  sum: [
    (x) => x.sum(1, { keepDimensions: true }),
    (x) => operations.sum(x, 1, { keepDimensions: true }),
  ],
  mean: [(x) => x.mean([0]), (x) => operations.mean(x, [0])],
  amax: [
    (x) => x.amax(1, { keepDimensions: true }),
    (x) => operations.amax(x, 1, { keepDimensions: true }),
  ],
  amin: [(x) => x.amin(0), (x) => operations.amin(x, 0)],
  argmax: [(x) => x.argmax(0), (x) => operations.argmax(x, 0)],
  softmax: [(x) => x.softmax(0), (x) => operations.softmax(x, 0)],
  logSoftmax: [(x) => x.logSoftmax(0), (x) => operations.logSoftmax(x, 0)],
};

Deno.test("every method does what the function of its name does", async () => {
  const device = await TEST_DEVICES[0]!.open();
  // No two operations make the same of these.
  const x = device.tensor([[-0.25, 1.75], [3.5, 0.5]]);
  const y = device.tensor([[1.25, 1.75], [-2, 0.75]]);
  for (const [name, [method, plain]] of Object.entries(PAIRS)) {
    const [found, wanted] = [method(x, y), plain(x, y)];
    assertEquals([found.shape, found.dtype], [wanted.shape, wanted.dtype]);
    assertEquals(await found.data(), await wanted.data(), name);
  }
});

Deno.test("methods follow each other", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const x = device.tensor([[1, 2], [3, 4]]);
  const { add, matmul, silu } = operations;
  const wanted = silu(add(matmul(x, x), 1));
  assertEquals(
    await x.matmul(x).add(1).silu().data(),
    await wanted.data(),
  );
});

Deno.test("every method has an operation of its name", () => {
  const names = Object.getOwnPropertyNames(FluentTensor.prototype)
    .filter((name) => name !== "constructor");
  assertEquals(names.toSorted(), Object.keys(PAIRS).toSorted());
  for (const name of names) assertEquals(name in operations, true, name);
});
