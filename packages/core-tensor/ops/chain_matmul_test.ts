import { evaluateReference, random, testOp } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { record, Tensor } from "../tensor.ts";
import { CHAIN_MATMUL } from "./chain_matmul.ts";
import { chainRows } from "./chain_rows.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";

const SCALE = -1.75;

function chain(x: Tensor, a: Tensor, b: Tensor): Tensor {
  return record(CHAIN_MATMUL, [x, a, b], { scale: SCALE });
}

const INPUTS = [random([5, 20], 1), random([20, 12], 2), random([12, 16], 3)];

testOp(chain, INPUTS, { gradients: [] });

Deno.test("CHAIN_MATMUL is two products with a scale between them", () => {
  const given = new Map(
    INPUTS.map(({ shape, dtype, values }) => [
      new Tensor(shape, dtype, undefined, false),
      values,
    ]),
  );
  const [x, a, b] = [...given.keys()];
  assertEquals(
    evaluateReference(chain(x!, a!, b!), given),
    evaluateReference(matmul(mul(matmul(x!, a!), SCALE), b!), given),
  );
  assertThrows(() => chain(x!, b!, a!), RangeError, "inner sizes 20 and 12");
});

Deno.test("chainRows() gives more rows where there is much to read, then none", () => {
  const rows = (m: number, features: number, r: number) =>
    chainRows({ m, k: features, r, n: features });
  assertEquals([64, 65, 128, 256, 257].map((m) => rows(m, 2048, 8)), [
    ...[1, 2, 2, 4],
    undefined,
  ]);
  assertEquals([4, 64, 68, 6].map((r) => rows(1, 512, r)), [
    ...[1, 1],
    ...[undefined, undefined],
  ]);
  assertEquals(rows(1, 4096, 32), undefined);
  assertEquals(rows(0, 512, 8), undefined);
});
