import { isQuantized, JOINT_MATMUL, MATMUL } from "@wick/core-tensor";
import type { CpuArray } from "./cpu_array.ts";
import type { CpuCall, CpuKernel, CpuOperand } from "./cpu_kernel.ts";
import { multiply } from "./matmul_product.ts";
import { multiplyQuantized } from "./matmul_quantized.ts";
import { widened } from "./widened.ts";

/** Matrix products on the CPU, whichever way their operands lie. */
export const MATMUL_KERNELS: readonly CpuKernel[] = [
  { operation: MATMUL, quantized: true, run: onWeights(runMatmul) },
  { operation: JOINT_MATMUL, quantized: true, run: onWeights(runJoint) },
];

/** Runs products by quantized weights as such, where they lie so. */
function onWeights<Attributes>(
  run: (call: CpuCall<Attributes>) => void,
): (call: CpuCall<Attributes>) => void {
  return (call) => {
    const { machine, operands } = call;
    if (!operands.some(({ dtype }) => isQuantized(dtype))) {
      run(call);
    } else if (!multiplyQuantized(machine, call)) {
      run({
        ...call,
        operands: operands.map((operand) => ({
          ...operand,
          array: widened(operand.array, operand.dtype, machine),
        })),
      });
    }
  };
}

function runMatmul(
  { operands: [a, b], output, shape, machine }: CpuCall<unknown>,
): void {
  const [left, right] = [placed(a!), placed(b!)];
  const out = floats(output);
  const [m, n] = [shape.at(-2)!, shape.at(-1)!];
  const lead = shape.slice(0, -2);
  // The last batch axis is the product's own, those before it are walked here.
  const batch = lead.pop() ?? 1;
  const at = new Array<number>(lead.length).fill(0);
  const count = lead.reduce((product, size) => product * size, 1);
  for (let outer = 0; outer < count; outer++) {
    multiply(machine, left.array, right.array, out, {
      ...{ batch, m, n, k: a!.view.shape.at(-1)! },
      aOffset: start(left, at),
      aBatch: left.strides.at(-3) ?? 0,
      aRow: left.strides.at(-2)!,
      aColumn: left.strides.at(-1)!,
      bOffset: start(right, at),
      bBatch: right.strides.at(-3) ?? 0,
      bRow: right.strides.at(-2)!,
      bColumn: right.strides.at(-1)!,
      outOffset: outer * batch * m * n,
    });
    for (let axis = lead.length - 1; axis >= 0; axis--) {
      if (++at[axis]! < lead[axis]!) break;
      at[axis] = 0;
    }
  }
}

function runJoint(
  { operands, output, shape, machine, attributes: { scale } }: CpuCall<
    { readonly scale: number }
  >,
): void {
  const [a, b, c, d] = operands.map(placed);
  const [m, n] = [shape.at(-2)!, shape.at(-1)!];
  multiply(machine, a!.array, b!.array, floats(output), {
    ...{ batch: 1, m, n, k: operands[0]!.view.shape.at(-1)! },
    aOffset: a!.offset,
    aBatch: 0,
    aRow: a!.strides[0]!,
    aColumn: a!.strides[1]!,
    bOffset: b!.offset,
    bBatch: 0,
    bRow: b!.strides[0]!,
    bColumn: b!.strides[1]!,
  }, {
    ...{ c: c!.array, d: d!.array, scale },
    rank: operands[2]!.view.shape.at(-1)!,
    cOffset: c!.offset,
    cRow: c!.strides[0]!,
    cColumn: c!.strides[1]!,
    dOffset: d!.offset,
    dRow: d!.strides[0]!,
    dColumn: d!.strides[1]!,
  });
}

interface Placed {
  readonly array: Float32Array;
  readonly offset: number;
  readonly strides: readonly number[];
}

function placed({ array, view: { offset, strides } }: CpuOperand): Placed {
  return { array: floats(array), offset, strides };
}

function start({ offset, strides }: Placed, at: readonly number[]): number {
  return at.reduce((sum, index, axis) => sum + index * strides[axis]!, offset);
}

function floats(array: CpuArray): Float32Array {
  if (array instanceof Float32Array) return array;
  throw new TypeError(
    `Cannot multiply matrices in a ${array.constructor.name}: they must be floats`,
  );
}
