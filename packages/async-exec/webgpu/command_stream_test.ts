import { add, matmul, mul, type Tensor } from "@wick/core-tensor";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { Device } from "../device.ts";
import { webgpuBackend } from "./webgpu_backend.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

/** A device, and a count of what is handed to its queue. */
async function openCounted(
  { software = true } = {},
): Promise<{ device: Device; submits: () => number }> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  const backend = await webgpuBackend(gpu, {
    description: "a GPU of a test",
    software,
    memoryBudget: 2 ** 28,
    synchronousRead: true,
  });
  let submits = 0;
  const submit = gpu.queue.submit.bind(gpu.queue);
  gpu.queue.submit = (buffers) => {
    submits++;
    submit(buffers);
  };
  return { device: new Device(backend), submits: () => submits };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

test("small plans that follow one another share submits", async () => {
  const { device, submits } = await openCounted();
  using _ = device;
  const x = device.tensor([1, 2, 3]);
  // Tensors, not numbers: another number is a write, which comes in between.
  const results = Array.from({ length: 40 }, (_, i) => {
    return mul(x, device.tensor([i, i, i]));
  });
  for (const [i, y] of results.entries()) {
    device.evaluate([y]);
    // The first is handed over at once: the GPU need not wait for more.
    if (i === 0) assertEquals(submits(), 1);
  }
  assert(submits() <= 6, `${submits()} submits`);
  const all = await Promise.all(results.map((y) => y.data()));
  all.forEach((values, i) => assertEquals([...values], [i, 2 * i, 3 * i]));
});

test("plans that are given numbers in turn share submits", async () => {
  const { device, submits } = await openCounted();
  using _ = device;
  const x = device.tensor([1, 2]);
  const run = (): Tensor[] =>
    [0.3, 0.7, 0.9].map((factor) => mul(x, factor).eval());
  run().forEach((y) => y.dispose());
  const before = submits();
  const results = Array.from({ length: 10 }, run).flat();
  assert(submits() - before <= 5, `${submits() - before} submits`);
  for (const [i, y] of results.entries()) {
    const factor = [0.3, 0.7, 0.9][i % 3]!;
    assertClose(await y.data(), [factor, 2 * factor]);
  }
});

test("a replay shares submits too", async () => {
  const { device, submits } = await openCounted();
  using _ = device;
  const x = device.tensor([1]);
  const y = add(x, 1);
  using capture = device.capture([y]);
  for (let i = 0; i < 40; i++) capture.run();
  device.fence();
  // 1, 4, 16 and the rest.
  assertEquals(submits(), 4);
  assertEquals([...await y.data()], [2]);
});

test("a GPU begins with a long plan while the rest is put together", async () => {
  for (const [software, parts] of [[true, 1], [false, 3]] as const) {
    const { device, submits } = await openCounted({ software });
    using _ = device;
    const turn = device.tensor([0, 1, -1, 0], { shape: [2, 2] });
    let x = device.tensor([3, 4], { shape: [2, 1] });
    const count = device.statistics().dispatches;
    for (let i = 0; i < 57; i++) x = matmul(turn, x);
    device.evaluate([x]);
    assertEquals(device.statistics().dispatches - count, 57);
    await Promise.resolve();
    assertEquals(submits(), parts);
    assertEquals([...await x.data()], [4, -3]);
  }
});

test("a write waits for what was started before it, and so does a copy", async () => {
  const { device } = await openCounted();
  using _ = device;
  const x = device.tensor([1, 2]);
  const sums = [];
  for (let i = 0; i < 5; i++) {
    const y = add(x, 10);
    const z = mul(x, 10);
    device.evaluate([y]);
    device.evaluate([z]);
    device.write(x, [i, i]);
    sums.push(y, z);
  }
  const { flat } = device.gather([x]);
  assertEquals([...(await flat.data()).subarray(0, 2)], [4, 4]);
  const got = await Promise.all(sums.map((sum) => sum.data()));
  const before = [[1, 2], [0, 0], [1, 1], [2, 2], [3, 3]];
  before.forEach((values, i) => {
    assertEquals([...got[2 * i]!], values.map((value) => value + 10));
    assertEquals([...got[2 * i + 1]!], values.map((value) => value * 10));
  });
});

test("what is open is handed over when the turn ends", async () => {
  const { device, submits } = await openCounted();
  using _ = device;
  const x = device.tensor([1]);
  for (let i = 0; i < 2; i++) device.evaluate([add(x, i)]);
  assertEquals(submits(), 1);
  await Promise.resolve();
  assertEquals(submits(), 2);
});

test("an eager device hands over each operation on its own", async () => {
  const { device, submits } = await openCounted();
  using _ = device;
  const x = device.eager.tensor([1]);
  for (let i = 0; i < 9; i++) add(x, i);
  assertEquals(submits(), 9);
});

test("a device that is closed abandons nothing", async () => {
  const { device, submits } = await openCounted();
  const x = device.tensor([1]);
  for (let i = 0; i < 2; i++) device.evaluate([add(x, i)]);
  device.close();
  assertEquals(submits(), 2);
});
