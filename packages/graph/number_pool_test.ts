import {
  add,
  full,
  matmul,
  mul,
  reshape,
  type Tensor,
} from "@wick/core-tensor";
import { TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ComputationGraph } from "./computation_graph.ts";
import { structureOf } from "./structure_key.ts";

const NUMBERS = { numbers: true } as const;
const cpu = TEST_DEVICES[0]!;

const keyOf = (y: Tensor): string => structureOf([y], NUMBERS).key;

Deno.test("structures are equal whatever numbers they have", async () => {
  const x = (await cpu.open()).tensor([1, 2]);
  const line = (a: number, b: number): Tensor => add(mul(x, a), b);
  assertEquals(keyOf(line(0.3, 0.7)), keyOf(line(1e9, -0.1)));
  assertEquals(structureOf([line(0.3, 0.7)], NUMBERS).numbers, {
    ...{ f32: [0.3, 0.7], i32: [], u32: [] },
  });
  // Which of them are equal is structure.
  assertNotEquals(keyOf(line(0.3, 0.7)), keyOf(line(0.3, 0.3)));
  assertEquals(structureOf([line(0.3, 0.3)], NUMBERS).numbers?.f32, [0.3]);
  // Unless it is asked for, numbers are in the key.
  const plain = [0.3, 0.7].map((a) => structureOf([line(a, 5)]));
  assertNotEquals(plain[0]!.key, plain[1]!.key);
  assertEquals(plain[0]!.numbers, undefined);
});

Deno.test("numbers that plans are simpler for stay literals", async () => {
  const x = (await cpu.open()).tensor([1, 2]);
  for (const value of [0, 1, -1, 2, 0.5, -0.25, Infinity, NaN]) {
    const { numbers } = structureOf([add(x, full([2], value))], NUMBERS);
    assertEquals(numbers?.f32, []);
  }
  const w = (await cpu.open()).zeros([2, 2]);
  const scaled = mul(mul(matmul(w, w), 1.7), 0.3);
  assertEquals(structureOf([scaled], NUMBERS).numbers?.f32, []);
});

Deno.test("the numbers of each type are one input before all others", async () => {
  const x = (await cpu.open()).tensor([1, 2]);
  const count = full([1], 7, "u32");
  const y = add(mul(x, 0.3), full([2], 0.7));
  const { graph, leaves } = ComputationGraph.trace([y, count], NUMBERS);
  const inputs = graph.nodes.filter(({ operation }) => !operation);
  assertEquals(inputs.map(({ shape, dtype }) => [shape, dtype]), [
    [[3], "f32"],
    [[2], "u32"],
    [[2], "f32"],
  ]);
  assertEquals(leaves, [x]);
});

Deno.test("a number that is asked for has bytes of its own", async () => {
  for (const { ignore, open } of TEST_DEVICES) {
    if (ignore) continue;
    const device = await open();
    const numbers = [7.25, 8.25].map((value) => reshape(full([1], value), []));
    for (const number of numbers) device.evaluate([number]);
    assertEquals([...await device.read(numbers[0]!)], [7.25]);
    assertEquals([...await device.read(numbers[1]!)], [8.25]);
    for (const number of numbers) number.dispose();
  }
});

Deno.test("the numbers after the first hundreds are literals", async () => {
  let y = (await cpu.open()).tensor([1, 2]);
  for (let i = 0; i < 300; i++) y = add(y, i + 0.3);
  const { numbers, key } = structureOf([y], NUMBERS);
  assertEquals(numbers?.f32.length, 256);
  assert(key.includes("299.3"));
});
