import {
  accumulate,
  add,
  cast,
  exp,
  full,
  matmul,
  mul,
  type Operation,
  record,
  reshape,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AsyncGraphExecutor } from "../async_graph_executor.ts";
import { DeviceLostError } from "../device_lost_error.ts";
import { DeviceMemoryError } from "../device_memory_error.ts";
import { openDevice } from "../open_device.ts";
import { openWorkerDevice } from "../open_worker_device.ts";
import type { WorkerDevice } from "./worker_device.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

const open = (device: "cpu" | "webgpu" = "cpu"): Promise<WorkerDevice> =>
  openWorkerDevice({ device, announce: false });

for (const { name, ignore, open: openLocal } of TEST_DEVICES) {
  Deno.test({
    name: `a worker gives the bits of a device of this thread on ${name}`,
    ignore,
    fn: async () => {
      const local = await openLocal();
      using remote = await open(name);
      assertEquals(remote.name, name);
      const { values, shape } = random([33, 17], 1);
      const record = (x: Tensor): Tensor[] => {
        const y = matmul(x, transpose(exp(mul(x, 0.5))));
        return [y, sum(y, 0), reshape(y, [-1]), cast(x, "f16"), cast(x, "i32")];
      };
      const expected = record(local.tensor(values, { shape }));
      const found = record(remote.tensor(values, { shape }));
      local.evaluate(expected);
      remote.evaluate(found);
      for (const [i, y] of found.entries()) {
        assertEquals(y.known, true);
        assertEquals(await y.data(), await expected[i]!.data());
      }
    },
  });

  Deno.test({
    name: `a worker takes every way of giving values on ${name}`,
    ignore,
    fn: async () => {
      using device = await open(name);
      const whole = device.tensor([[1, 2], [3, -4]], { dtype: "i32" });
      assertEquals(await whole.data(), Int32Array.of(1, 2, 3, -4));
      const bits = device.tensor([true, false, true]);
      assertEquals(await bits.data(), Uint8Array.of(1, 0, 1));
      // A part of a larger array, which stays what it was.
      const array = Float32Array.of(9, 1, 2, 9);
      const part = device.tensor(array.subarray(1, 3));
      assertEquals(await part.data(), Float32Array.of(1, 2));
      assertEquals(array, Float32Array.of(9, 1, 2, 9));
      const bytes = new Uint8Array(Float16Array.of(0.5, -2, 3).buffer);
      const halves = device.tensorFromBytes(bytes, [3], "f16");
      assertEquals(await add(halves, 1).data(), Float32Array.of(1.5, -1, 4));
      assertEquals(bytes.length, 6);
      const zeros = device.zeros([2]);
      const y = add(zeros, 1).eval();
      device.write(zeros, [5, 6]);
      assertEquals(await add(zeros, 1).data(), Float32Array.of(6, 7));
      assertEquals(await y.data(), Float32Array.of(1, 1));
      assertThrows(() => device.write(zeros, [1]), RangeError, "2 elements");
      assertThrows(
        () => device.write(add(zeros, 1), [1, 2]),
        TypeError,
        "evaluate it first",
      );
    },
  });

  Deno.test({
    name: `a worker updates tensors in place on ${name}`,
    ignore,
    fn: async () => {
      using device = await open(name);
      const x = device.tensor([1, 2, 3]);
      const ones = device.tensor([1, 1, 1]);
      const updated = accumulate(x, ones);
      const y = mul(updated, 10);
      assertClose(await y.data(), [20, 30, 40]);
      assertEquals(updated.known, true);
      assertClose(await accumulate(updated, x).data(), [4, 6, 8]);
      assertClose(await x.data(), [4, 6, 8]);
    },
  });

  Deno.test({
    name: `a worker counts what it did and gives bytes back on ${name}`,
    ignore,
    fn: async () => {
      using device = await open(name);
      const w = device.tensor(new Float32Array(500).fill(0.5));
      let early: unknown;
      for (let round = 1; round <= 60; round++) {
        const x = device.tensor(new Float32Array(500).fill(1 / round));
        const y = sum(exp(add(x, w)));
        await y.evalAsync();
        x.dispose();
        y.dispose();
        const { buffers, bytes, submissions } = await device.statistics();
        early = round <= 10 ? { buffers, bytes } : early;
        assertEquals<unknown>({ buffers, bytes }, early);
        assertEquals(submissions, round);
      }
    },
  });

  Deno.test({
    name: `AsyncGraphExecutor runs on a worker on ${name}`,
    ignore,
    fn: async () => {
      using device = await open(name);
      await using executor = new AsyncGraphExecutor(device, { maxInFlight: 3 });
      const x = device.tensor(random([20, 20], 3).values, { shape: [20, 20] });
      const graph = (i: number): Tensor => matmul(mul(x, i), exp(x));
      const found = executor.map([1, 2, 3, 4, 5, 6, 7], graph);
      let i = 0;
      for await (const y of found) {
        assertEquals(await y.data(), await graph(++i).data());
      }
      assertEquals(i, 7);
      const stop = new AbortController();
      const targets = Array.from({ length: 6 }, (_, i) => graph(i + 20));
      const results = targets.map((target) =>
        executor.execute(target, { signal: stop.signal })
      );
      stop.abort();
      const settled = await Promise.allSettled(results);
      assert(settled.every(({ status }) => status === "rejected"));
      await executor.idle();
      assertEquals(targets.some(({ known }) => known), false);
    },
  });
}

Deno.test("gradients can be had of what a worker evaluated", async () => {
  using device = await open();
  const x = device.tensor([1, 2, 3], { trainable: true });
  const y = mul(x, x).eval();
  const [dx] = gradients(y, [x]);
  assertEquals(await dx!.data(), Float32Array.of(2, 4, 6));
});

Deno.test({
  name: "an error of the worker rejects those who wait for what it spoiled",
  ignore,
  fn: async () => {
    using device = await openWorkerDevice({
      device: "webgpu",
      announce: false,
      memoryBudget: 20000,
    });
    const x = device.tensor(new Float32Array(1024).fill(1));
    const fine = add(x, 1).eval();
    const targets = Array.from({ length: 5 }, (_, i) => add(x, i));
    device.evaluate(targets);
    const heir = mul(targets[0]!, 2);
    const message = "of 20000 allowed bytes are in use";
    for (const spoiled of [targets[0]!, targets[4]!, heir]) {
      await assertRejects(() => spoiled.data(), DeviceMemoryError, message);
      await assertRejects(() => spoiled.evalAsync(), DeviceMemoryError);
    }
    assertClose(await fine.data(), new Float32Array(1024).fill(2));
    for (const tensor of [fine, ...targets, heir]) tensor.dispose();
    await device.finish();
    assertClose(await add(x, 2).data(), new Float32Array(1024).fill(3));
  },
});

Deno.test({
  name: "an update that failed is told once, and leaves the old elements",
  ignore,
  fn: async () => {
    using device = await openWorkerDevice({
      device: "webgpu",
      announce: false,
      memoryBudget: 20000,
    });
    const x = device.tensor([1, 2]);
    const updated = accumulate(x, device.tensor([1, 1]));
    const large = add(full([5000], 1), device.tensor(1));
    device.evaluate([updated, large]);
    await assertRejects(() => updated.evalAsync(), DeviceMemoryError);
    assertClose(await x.data(), [1, 2]);
    await assertRejects(() => large.data(), DeviceMemoryError);
    await device.finish();
  },
});

Deno.test({
  name: "an error that nobody was told of rejects finish(), once",
  ignore,
  fn: async () => {
    using device = await openWorkerDevice({
      device: "webgpu",
      announce: false,
      memoryBudget: 4096,
    });
    device.zeros([5000]);
    await assertRejects(() => device.finish(), DeviceMemoryError);
    await device.finish();
    assertEquals(await device.tensor([1]).item(), 1);
  },
});

Deno.test("an operation that the worker does not have is refused", async () => {
  using device = await open();
  const own: Operation<undefined> = {
    name: "own_for_test",
    infer: ([x]) => x!,
    reference: ([x]) => x!,
  };
  const y = record(own, [device.tensor([1])], undefined);
  assertThrows(() => y.eval(), TypeError, "Cannot evaluate own_for_test");
  assertEquals(y.known, false);
});

Deno.test("tensors of two workers, or of a worker and a device, do not mix", async () => {
  using one = await open();
  using two = await open();
  using local = await openDevice({ device: "cpu", announce: false });
  for (const other of [two, local]) {
    assertThrows(
      () => add(one.tensor([1]), other.tensor([1])),
      TypeError,
      "both must be on one device",
    );
    assertThrows(() => other.evaluate([add(one.tensor([1]), 1)]), TypeError);
    await assertRejects(async () => await other.read(one.tensor([1])));
  }
});

Deno.test("a closed worker rejects what waits and all that follows", async () => {
  const device = await open();
  const x = device.tensor([1, 2]);
  const waiting = add(x, 1).data();
  device.close();
  const message = "Cannot use a device after it was closed";
  await assertRejects(() => waiting, DeviceLostError, message);
  await assertRejects(() => x.data(), DeviceLostError, message);
  await assertRejects(() => device.statistics(), DeviceLostError, message);
  assertThrows(() => device.tensor([1]), DeviceLostError, message);
  assertThrows(() => add(x, 2).eval(), DeviceLostError, message);
  x.dispose();
  device.close();
});

Deno.test("a device that does not open says why", async () => {
  const before = Deno.env.get("WICK_DEVICE");
  Deno.env.set("WICK_DEVICE", "abacus");
  try {
    await assertRejects(
      () => openWorkerDevice({ announce: false }),
      RangeError,
      'Cannot open the device "abacus"',
    );
  } finally {
    if (before === undefined) Deno.env.delete("WICK_DEVICE");
    else Deno.env.set("WICK_DEVICE", before);
  }
});

Deno.test("the event loop stays live beside a long evaluation", async () => {
  using device = await open();
  const size = 64;
  const x = device.tensor(random([size, size], 1).values, {
    shape: [size, size],
  });
  await add(x, 1).data();
  // A long chain of small products: more than half a second of work.
  let y = x;
  let took = 0;
  let longest = 0;
  for (let steps = 500; took < 500; steps *= 2) {
    y = x;
    for (let step = 0; step < steps; step++) y = mul(matmul(y, x), 0.01);
    device.evaluate([y]);
    const start = performance.now();
    let last = start;
    longest = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 5);
    await device.finish();
    took = performance.now() - start;
    clearInterval(timer);
  }
  // Half the work on this thread would be a gap of half the time.
  assert(longest < Math.max(100, took / 5), `${longest} of ${took} ms`);
});
