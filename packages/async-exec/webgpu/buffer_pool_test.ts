import { add, exp, type Tensor } from "@wick/core-tensor";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { DeviceMemoryError } from "../device_memory_error.ts";
import { openDevice } from "../open_device.ts";
import { BufferPool } from "./buffer_pool.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

async function openPool(
  budget: number,
): Promise<{ pool: BufferPool; gpu: GPUDevice }> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  return { pool: new BufferPool(gpu, { budget, maxBufferBytes: 8192 }), gpu };
}

Deno.test({
  name: "BufferPool gives a released buffer to the next of its size",
  ignore,
  fn: async () => {
    const { pool, gpu } = await openPool(2 ** 20);
    const first = pool.acquire(1000, "first");
    assertEquals(pool.bytesInUse, 1024);
    first.retain();
    first.release();
    const second = pool.acquire(1000, "second");
    assertNotEquals(second.id, first.id);
    first.release();
    assertStrictEquals(pool.acquire(1024, "third"), first);
    assertEquals(pool.buffers, 2);
    assertEquals(pool.bytes, 2048);
    gpu.destroy();
  },
});

Deno.test({
  name: "BufferPool wastes at most an eighth of a buffer",
  ignore,
  fn: async () => {
    const { pool, gpu } = await openPool(2 ** 20);
    for (const bytes of [4, 257, 2100, 4097, 5000, 8000]) {
      const { byteLength } = pool.acquire(bytes, "test");
      assertEquals(byteLength >= bytes, true);
      assertEquals(byteLength <= Math.max(256, bytes * 9 / 8 + 256), true);
    }
    gpu.destroy();
  },
});

Deno.test({
  name: "BufferPool says what it may not allocate, and goes on",
  ignore,
  fn: async () => {
    const { pool, gpu } = await openPool(4096);
    const held = pool.acquire(3072, "weights");
    assertThrows(
      () => pool.acquire(2048, "f32[512]"),
      DeviceMemoryError,
      "Cannot allocate 2048 bytes for f32[512]: 3072 of 4096 allowed bytes are in use",
    );
    assertThrows(
      () => pool.acquire(9000, "f32[2250]"),
      DeviceMemoryError,
      "the device allows 8192 bytes a buffer",
    );
    // What nobody uses is given up before anything is refused.
    held.release();
    assertEquals(pool.acquire(2048, "f32[512]").byteLength, 2048);
    assertEquals([pool.buffers, pool.bytes, pool.peakBytes], [1, 2048, 3072]);
    gpu.destroy();
  },
});

Deno.test({
  name: "BufferPool keeps few buffers of a burst, those used last",
  ignore,
  fn: async () => {
    const { pool, gpu } = await openPool(2 ** 24);
    const burst = Array.from(
      { length: 3000 },
      (_, i) => pool.acquire(i % 2 === 0 ? 256 : 1024, "burst"),
    );
    const { buffers } = pool;
    assertEquals(buffers, 3000);
    for (const storage of burst) storage.release();
    assertEquals(pool.bytesInUse, 0);
    assertEquals(pool.buffers > 200 && pool.buffers <= 512, true);
    const last = burst.at(-1)!;
    assertStrictEquals(pool.acquire(1024, "next"), last);
    // What is counted is what is there.
    last.release();
    pool.trim();
    assertEquals([pool.buffers, pool.bytes], [0, 0]);
    const again = Array.from({ length: 500 }, () => pool.acquire(256, "again"));
    for (const storage of again) storage.release();
    assertEquals(pool.buffers, 500);
    gpu.destroy();
  },
});

Deno.test({
  name: "a burst of results that are given back disturbs nothing under way",
  ignore,
  fn: async () => {
    using device = await openDevice({ device: "webgpu", announce: false });
    const x = device.tensor([1, 2]);
    const kept = add(x, 0.1).eval();
    // Of a size of its own, so that it is the oldest of it.
    const other = device.tensor(new Float32Array(4096).fill(0.25));
    const burst = Array.from(
      { length: 512 },
      (_, i) => add(x, (i % 4 + 0.1) / 4).eval(),
    );
    for (const tensor of burst) tensor.dispose();
    const { buffers } = device.statistics();
    await Promise.resolve();
    add(x, x).eval().dispose();
    // Handed over later than what it needs is given back.
    const y = add(other, 1).eval();
    other.dispose();
    assertEquals(device.statistics().buffers < buffers / 2 + 8, true);
    assertClose(await y.data(), new Float32Array(4096).fill(1.25));
    assertClose(await kept.data(), [1.1, 2.1]);
    assertClose(await add(kept, x).data(), [2.1, 4.1]);
  },
});

Deno.test({
  name: "an evaluation that exceeds the budget leaves nothing behind",
  ignore,
  fn: async () => {
    using device = await openDevice({
      device: "webgpu",
      announce: false,
      memoryBudget: 20000,
    });
    const x = device.tensor(new Float32Array(1024).fill(1));
    const before = device.statistics().bytesInUse;
    const many = (count: number): Tensor[] =>
      Array.from({ length: count }, (_, i) => add(x, i));
    const tooMany = many(5);
    assertThrows(
      () => device.evaluate(tooMany),
      DeviceMemoryError,
      "of 20000 allowed bytes are in use",
    );
    assertEquals(device.statistics().bytesInUse, before);
    await assertRejects(
      () => device.evaluateAsync(many(5)),
      DeviceMemoryError,
    );
    assertEquals(device.statistics().bytesInUse, before);
    assertEquals(tooMany.every(({ known }) => !known), true);
    const [, second] = many(3);
    assertClose(await second!.data(), new Float32Array(1024).fill(2));
  },
});

Deno.test({
  name: "two hundred rounds leave as many buffers and kernels as ten",
  ignore,
  fn: async () => {
    using device = await openDevice({ device: "webgpu", announce: false });
    const w = device.tensor(new Float32Array(1000).fill(0.5));
    let early: unknown;
    for (let round = 1; round <= 200; round++) {
      const x = device.tensor(new Float32Array(1000).fill(1 / round));
      const y = exp(add(exp(add(x, w)), -1));
      const z = add(y, w);
      await device.evaluateAsync([y, z]);
      for (const tensor of [x, y, z]) tensor.dispose();
      const { buffers, bytes, bytesInUse, pipelines } = device.statistics();
      const now = { buffers, bytes, bytesInUse, pipelines };
      early = round <= 10 ? now : early;
      assertEquals<unknown>(now, early);
    }
  },
});
