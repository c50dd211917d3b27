import type { DeviceTraits } from "@wick/core-tensor";
import { assertEquals } from "@std/assert";
import { AheadRule } from "./ahead_rule.ts";
import { BatchRow } from "./batch_row.ts";

const GPU: DeviceTraits = {
  adapterClass: "gpu",
  maxWorkgroupThreads: 256,
  maxWorkgroupBytes: 16384,
  maxStorageBuffers: 8,
};

function rowOf(maxNewTokens: number): BatchRow {
  return new BatchRow([1], { maxNewTokens }, {
    stopTokenIds: [],
    capacity: 64,
  });
}

Deno.test("AheadRule has a GPU run eight tokens, and nothing else several", () => {
  assertEquals(new AheadRule(GPU).count, 8);
  assertEquals(new AheadRule({ ...GPU, adapterClass: "software" }).count, 1);
  assertEquals(new AheadRule({ ...GPU, isSequential: true }).count, 1);
  assertEquals(new AheadRule({ ...GPU, isSequential: true }, 3).count, 3);
});

Deno.test("AheadRule waits to see that tokens are short", () => {
  const rule = new AheadRule(GPU);
  const rows = [rowOf(2), rowOf(9)];
  for (const milliseconds of [900, 0.4, 0.4]) {
    rule.note(milliseconds);
    assertEquals(rule.allows(rows), false);
  }
  rule.note(0.4);
  assertEquals(rule.allows(rows), true);
  assertEquals(rule.allows([rowOf(2), rowOf(7)]), false);
  rule.note(2.5);
  assertEquals(rule.allows(rows), false);
  rule.note(0.4);
  assertEquals(rule.allows(rows), true);
  // Whoever says how many has them whatever they take.
  const told = new AheadRule(GPU, 8);
  for (let step = 0; step < 4; step++) told.note(50);
  assertEquals(told.allows(rows), true);
});
