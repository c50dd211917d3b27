import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { errorOf } from "./error_of.ts";
import { type Item, ITEMS, LEARNING_RATE } from "./item.ts";
import { type Operands, operandsOf } from "./operands.ts";
import { reference } from "./reference.ts";

const SMALL: readonly Item[] = ITEMS.map((item) => ({
  ...item,
  size: 7,
  rank: item.rank && 3,
}));

Deno.test("errorOf is zero for the reference and sees one wrong number", () => {
  for (const item of SMALL) {
    const operands = operandsOf(item);
    const right = reference(item, operands);
    assertEquals(errorOf(item, operands, right), 0, item.name);
    const wrong = right.map((values) => values.slice());
    const last = wrong.at(-1)!;
    last[last.length - 1]! += 0.1;
    assert(errorOf(item, operands, wrong) > 0.01, item.name);
    assert(Number.isNaN(errorOf(item, operands, right.slice(1))), item.name);
  }
});

Deno.test("errorOf compares some rows and all sums of a large product", () => {
  const item: Item = { name: "matmul", kind: "matmul", size: 1040, rank: 0 };
  const { a } = operandsOf(item);
  const { shape, values } = a!;
  // Twice the identity, so that the product is known.
  const b = values.map((_, i) => i % 1041 === 0 ? 2 : 0);
  const operands: Operands = { a: a!, b: { shape, values: b } };
  const right = values.map((value) => 2 * value);
  assert(errorOf(item, operands, [right]) < 1e-12);
  const wrong = right.slice();
  wrong[1039]! += 1000;
  assert(errorOf(item, operands, [wrong]) > 0.01);
});

Deno.test("reference gives the slopes that central differences give", () => {
  const item = SMALL.find(({ kind }) => kind === "sgd")!;
  const operands = operandsOf(item);
  const lossAt = (name: string, index: number, step: number): number => {
    const { shape, values } = operands[name]!;
    const moved = values.slice();
    moved[index]! += step;
    const all: Operands = { ...operands, [name]: { shape, values: moved } };
    return reference(item, all)[0]![0]!;
  };
  const [, a, b] = reference(item, operands);
  for (const [name, after] of [["A", a!], ["B", b!]] as const) {
    const slope = (lossAt(name, 5, 0.0625) - lossAt(name, 5, -0.0625)) / 0.125;
    const before = operands[name]!.values[5]!;
    assertAlmostEquals((before - after[5]!) / LEARNING_RATE, slope, 1e-5);
  }
});
