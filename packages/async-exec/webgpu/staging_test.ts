import { add } from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { openDevice } from "../open_device.ts";
import { Staging } from "./staging.ts";

const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

async function openGpu(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  return await adapter!.requestDevice();
}

function filled(gpu: GPUDevice, values: Uint32Array<ArrayBuffer>): GPUBuffer {
  const buffer = gpu.createBuffer({
    size: values.byteLength,
    usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  gpu.queue.writeBuffer(buffer, 0, values);
  return buffer;
}

Deno.test({
  name: "Staging reads without a turn of the event loop once that is proven",
  ignore,
  fn: async () => {
    const gpu = await openGpu();
    const staging = new Staging(gpu);
    assertEquals(staging.synchronous, false);
    await staging.prove();
    assert(staging.synchronous);

    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    for (let round = 0; round < 200; round++) {
      const values = Uint32Array.from(
        { length: 1 + round * 7 },
        (_, i) => i * 2654435761 + round,
      );
      const buffer = filled(gpu, values);
      const bytes = await staging.read(buffer, values.byteLength);
      assertEquals(new Uint32Array(bytes), values);
      const target = new Uint8Array(values.byteLength + 4);
      await staging.readInto(buffer, target.subarray(4), 0);
      assertEquals(target.slice(4), new Uint8Array(bytes));
      buffer.destroy();
    }
    clearInterval(timer);
    assertEquals(turns, 0);
    staging.close();
    gpu.destroy();
  },
});

Deno.test({
  name: "Staging that was not proven waits, and reads the same",
  ignore,
  fn: async () => {
    const gpu = await openGpu();
    const staging = new Staging(gpu);
    const values = Uint32Array.of(1, 0xffffffff, 3);
    const buffer = filled(gpu, values);
    for (let round = 0; round < 3; round++) {
      assertEquals(new Uint32Array(await staging.read(buffer, 12)), values);
      assertEquals(
        new Uint32Array(await staging.read(buffer, 8)),
        values.slice(0, 2),
      );
      const target = new Uint8Array(8);
      await staging.readInto(buffer, target, 4);
      assertEquals(new Uint32Array(target.buffer), values.slice(1));
    }
    assertEquals(staging.synchronous, false);
    staging.close();
    buffer.destroy();
    gpu.destroy();
  },
});

Deno.test({
  name: "Staging reads several buffers at once",
  ignore,
  fn: async () => {
    const gpu = await openGpu();
    const staging = new Staging(gpu);
    for (const proven of [false, true]) {
      if (proven) await staging.prove();
      const buffers = Array.from(
        { length: 5 },
        (_, i) => filled(gpu, Uint32Array.of(i, i + 10)),
      );
      const read = await Promise.all(
        buffers.map((buffer) => staging.read(buffer, 8)),
      );
      read.forEach((bytes, i) =>
        assertEquals(new Uint32Array(bytes), Uint32Array.of(i, i + 10))
      );
    }
    staging.close();
    gpu.destroy();
  },
});

Deno.test({
  name: "a device gives the same data whichever way it reads",
  ignore,
  fn: async () => {
    const { values, shape } = random([1000], 5);
    const read: Float32Array[] = [];
    for (const synchronousRead of [true, false]) {
      using device = await openDevice({
        device: "webgpu",
        announce: false,
        synchronousRead,
      });
      const data = await add(device.tensor(values, { shape }), 0.5).data();
      assertClose(data, values.map((value) => value + 0.5));
      read.push(Float32Array.from(data));
    }
    assertEquals(read[0], read[1]);
  },
});
