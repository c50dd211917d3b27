import { philox } from "@wick/core-tensor";
import { assertEquals, assertThrows } from "@std/assert";
import { MemoryBlocks } from "./memory_blocks.ts";

Deno.test("MemoryBlocks hands out blocks that do not overlap, and joins them again", () => {
  const blocks = new MemoryBlocks(64, 1 << 20);
  const taken = new Map<number, number>();
  for (let round = 0; round < 5000; round++) {
    const [a, b] = philox([round, 0, 0, 0], 7, 11);
    const [first] = taken.keys();
    if (b! % 2 === 0 && first !== undefined) {
      blocks.free(first);
      taken.delete(first);
      continue;
    }
    const bytes = 1 + a! % 9000;
    const start = blocks.allocate(bytes);
    if (start === undefined) continue;
    assertEquals(start % 64, 0);
    assertEquals(start >= 64 && start + bytes <= 1 << 20, true);
    for (const [other, size] of taken) {
      assertEquals(start + bytes <= other || other + size <= start, true);
    }
    taken.set(start, bytes);
  }
  for (const start of taken.keys()) blocks.free(start);
  assertEquals(blocks.allocate((1 << 20) - 64), 64);
});

Deno.test("MemoryBlocks gives nothing where nothing fits, until it is longer", () => {
  const blocks = new MemoryBlocks(64, 64 + 128);
  assertEquals(blocks.allocate(64), 64);
  assertEquals(blocks.allocate(128), undefined);
  blocks.extend(64 + 192);
  assertEquals(blocks.end, 256);
  assertEquals(blocks.allocate(128), 128);
  assertEquals(blocks.allocate(1), undefined);
});

Deno.test("MemoryBlocks takes the smallest size class that fits", () => {
  const blocks = new MemoryBlocks(0, 1 << 16);
  const [small, , large] = [640, 64, 6400, 64].map((n) => blocks.allocate(n));
  blocks.free(large!);
  blocks.free(small!);
  assertEquals(blocks.allocate(600), small);
  assertEquals(blocks.allocate(6000), large);
});

Deno.test("MemoryBlocks gives a block back only once", () => {
  const blocks = new MemoryBlocks(0, 1024);
  blocks.free(blocks.allocate(10)!);
  assertThrows(() => blocks.free(0), RangeError, "block at 0");
});
