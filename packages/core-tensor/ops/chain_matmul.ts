import type { DeviceTraits, KernelOperand, Operation } from "../operation.ts";
import { chainRows, type ChainSizes } from "./chain_rows.ts";
import { MATMUL } from "./matmul.ts";
import type { JointAttributes } from "./matmul_call.ts";
import { matmulOperand } from "./matmul_operand.ts";
import { placedOperand } from "./placed_operand.ts";
import { powerOfTwo } from "./power_of_two.ts";
import { readFour } from "./read_four.ts";

/**
 * Two products in a row, `scale·(x·a)·b` of `[m, k]`, `[k, r]` and `[r, n]`, as
 * {@linkcode chainRows} allows them. A graph makes it where that is a dispatch
 * less.
 */
export const CHAIN_MATMUL: Operation<JointAttributes> = {
  name: "chain_matmul",
  operandCount: 3,
  infer: ([x, a, b]) =>
    MATMUL.infer([MATMUL.infer([x!, a!], undefined), b!], undefined),
  reference: ([x, a, b], { inputs, attributes: { scale }, shape }) => {
    const [left, right, outer] = inputs;
    const inner = MATMUL.infer([left!, right!], undefined);
    const h = MATMUL.reference([x!, a!], {
      ...inner,
      ...{ inputs: [left!, right!], attributes: undefined },
    });
    return MATMUL.reference([h.map((value) => scale * value), b!], {
      ...{ inputs: [inner, outer!], attributes: undefined },
      ...{ shape, dtype: "f32" },
    });
  },
  // Each of the threads that share a row of `a` reads `x`.
  readsOf: (index, { inputs: [, a] }) =>
    index === 0 ? a!.shape[1]! / 4 : undefined,
  accepts: (index, operand) => index === 0 || rightOperand("", operand).vectors,
  kernel: ({ inputs: [x, a, b], output, attributes: { scale }, device }) => {
    const [m, n] = [output.shape[0]!, output.shape[1]!];
    const [k, r] = [x!.view.shape[1]!, a!.view.shape[1]!];
    const tile = tileOf({ m, k, r, n }, device);
    const places = [rightOperand("A", a!), rightOperand("B", b!)];
    const reads = places.map(({ place }) => readFour(place));
    return {
      kernel: "matmul_chain",
      sizes: {
        ...{ M: m, N: n, K: k, R: r, SCALE: scale },
        ...Object.assign({}, ...places.map(({ sizes }) => sizes)),
        ...tile,
      },
      types: { FourA: reads[0]!.type, FourB: reads[1]!.type },
      hooks: Object.fromEntries(
        reads.flatMap(({ body }, index) => {
          const name = "ab"[index]!;
          return body ? [[`read_${name}`, body.replaceAll("$", name)]] : [];
        }),
      ),
      workgroups: Math.ceil(m / tile.ROWS),
    };
  },
};

/** A right matrix as sizes of the kernel. */
function rightOperand(name: string, operand: KernelOperand) {
  const [rows, columns] = operand.view.shape;
  const place = matmulOperand(operand);
  return placedOperand(name, place, rows!, columns!, false);
}

/** Who computes what. */
function tileOf(
  sizes: ChainSizes,
  { maxWorkgroupThreads, maxWorkgroupBytes }: DeviceTraits,
) {
  const rows = chainRows(sizes);
  if (rows === undefined) {
    const { m, k, r, n } = sizes;
    throw new RangeError(
      `Cannot chain the products [${m},${k}]·[${k},${r}]·[${r},${n}]: they are faster one by one`,
    );
  }
  const { k, r, n } = sizes;
  const [across, ways] = [r / 4, k / 4];
  const threads = Math.min(
    ...[256, maxWorkgroupThreads],
    // Each thread keeps its sums in workgroup memory.
    maxWorkgroupBytes / (16 * rows),
    powerOfTwo(Math.max(ways * across, n / 4, 32)),
  );
  const split = powerBelow(threads / across);
  return {
    ROWS: rows,
    SPLIT: split,
    BATCHED: Math.min(4, powerBelow(ways / split)),
  };
}

/** The greatest power of two that is not more than a number, at least 1. */
function powerBelow(most: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(most)));
}
