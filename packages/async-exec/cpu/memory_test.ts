import { assertEquals, assertThrows } from "@std/assert";
import { DeviceMemoryError } from "../device_memory_error.ts";
import { SharedMemory } from "./memory.ts";

Deno.test("SharedMemory keeps its arrays when it grows", () => {
  const memory = new SharedMemory(4096);
  const before = memory.floats(memory.allocate(16), 4);
  before.set([1, 2, 3, 4]);
  const large = memory.allocate(2 ** 25);
  const after = memory.floats(large, 2 ** 23);
  after[0] = 7;
  before[3] = 5;
  assertEquals([...before, after[0]], [1, 2, 3, 5, 7]);
  assertEquals(memory.addressOf(after), large);
  assertEquals(memory.addressOf(before), before.byteOffset);
  assertEquals(memory.addressOf(new Float32Array(4)), undefined);
});

Deno.test("SharedMemory gives arrays of each type", () => {
  const memory = new SharedMemory(4096);
  const address = memory.allocate(64);
  const kinds = (["f32", "f16", "bf16", "i32", "u32", "bool"] as const)
    .map((dtype) => memory.array(dtype, address, 3).constructor);
  assertEquals(kinds, [
    ...[Float32Array, Float32Array, Float32Array],
    ...[Int32Array, Uint32Array, Uint8Array],
  ]);
});

Deno.test("SharedMemory says when it is full, and goes on with what was freed", () => {
  const memory = new SharedMemory(64);
  const address = memory.allocate(3 * 2 ** 20);
  const error = assertThrows(
    () => memory.allocate(2 ** 20),
    DeviceMemoryError,
    "Cannot hold 1048576 bytes more",
  );
  assertEquals(error.name, "DeviceMemoryError");
  memory.free(address);
  assertEquals(memory.allocate(2 ** 20), address);
});
