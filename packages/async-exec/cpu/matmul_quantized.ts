import {
  isQuantized,
  QUANTIZED_DTYPES,
  type QuantizedTraits,
  type ScaleDType,
} from "@wick/core-tensor";
import type { CpuCall, CpuOperand } from "./cpu_kernel.ts";
import type { CpuMachine } from "./cpu_machine.ts";
import type { MatmulJoint, MatmulLayout } from "./matmul.ts";
import {
  addJoint,
  multiplyPanels,
  PACKED_BYTES,
  type Product,
  type ProductPart,
  WORK_RATE,
} from "./matmul_product.ts";

/** With at most so many rows the weight is not unpacked into panels. */
const FEW_ROWS = 2;
/** Columns of a unit of few rows. */
const ROWS_UNIT = 32;
/** Columns that are unpacked at once are a multiple of every group. */
const WHOLE_GROUPS = 128;
/** How kernels name the type of scales and biases. */
const KINDS: Readonly<Record<ScaleDType, number>> = { f16: 0, bf16: 1, f32: 2 };

/** A quantized right matrix as the kernels are told of it. */
interface QuantizedRight {
  readonly traits: QuantizedTraits;
  /** Whether its columns are the rows of the weight. */
  readonly byColumns: boolean;
  /** Its first word. */
  readonly words: number;
  /** Bytes from a row of the weight to the next. */
  readonly wordRow: number;
  /** Its first scale. */
  readonly pairs: number;
  /** Bytes from the scales of a row to those of the next. */
  readonly pairRow: number;
}

/**
 * Multiplies matrices by a quantized weight, or by its transpose, and adds a
 * product of floats where there are four operands. The weight is unpacked as it
 * is read: some columns into panels, or, for few rows, none of it.
 *
 * One row of 896 by 4 864 columns takes one thread 1.2 ms in 4 bits and 1.0 in 8,
 * 0.7 in f32; 512 rows 141, 133 and 125 ms, their gradient 146, 131 and 156 (an
 * EPYC at 3.3 GHz, without a BLAS, beside other work).
 *
 * @param machine What it runs on.
 * @param call The product.
 * @returns Whether it could be done; false if the operands lie otherwise.
 */
export function multiplyQuantized(
  machine: CpuMachine,
  { operands, output, shape, attributes }: CpuCall<unknown>,
): boolean {
  const [a, b, c, d] = operands;
  const [m, n] = [shape.at(-2)!, shape.at(-1)!];
  const k = a!.view.shape.at(-1)!;
  if (shape.length !== 2 || operands.length % 2 !== 0) return false;
  const right = quantizedRight(machine, b!, k, n);
  const places = [a, c, d].map((operand) =>
    operand && !isQuantized(operand.dtype)
      ? machine.memory.addressOf(operand.array)
      : undefined
  );
  const out = machine.memory.addressOf(output);
  const isJoint = c !== undefined && d !== undefined;
  if (
    !right || out === undefined || places[0] === undefined ||
    (isJoint && places.includes(undefined))
  ) return false;
  const layout: MatmulLayout = {
    ...{ batch: 1, m, n, k },
    ...{ aOffset: a!.view.offset, aBatch: 0 },
    ...{ aRow: a!.view.strides[0]!, aColumn: a!.view.strides[1]! },
    ...{ bOffset: 0, bBatch: 0, bRow: 0, bColumn: 0 },
  };
  if (m === 0 || n === 0) return true;
  const product: Product = {
    ...{ ...layout, a: places[0], b: right.words, out, scale: 1, add: false },
  };
  const isFew = m <= FEW_ROWS && right.byColumns && layout.aColumn === 1;
  if (isFew) multiplyRows(machine, product, right);
  else multiplyByPanels(machine, product, right);
  if (isJoint) {
    const joint = jointOf(c, d, attributes);
    if (joint.rank > 0) {
      addJoint(machine, { c: places[1]!, d: places[2]!, out }, layout, joint);
    }
  }
  return true;
}

/** The right matrix, `[k, n]`, if whole groups lie one behind the other. */
function quantizedRight(
  machine: CpuMachine,
  { array, dtype, view: { strides, offset } }: CpuOperand,
  k: number,
  n: number,
): QuantizedRight | undefined {
  if (!isQuantized(dtype) || strides.length !== 2 || k === 0) return undefined;
  const traits = QUANTIZED_DTYPES[dtype];
  const { bits, groupSize, scaleWords } = traits;
  const [row, column] = [strides[0]!, strides[1]!];
  const byColumns = row === 1 && k % groupSize === 0;
  const line = byColumns ? column : row;
  const address = machine.memory.addressOf(array);
  const isWhole = byColumns || (column === 1 && n % 8 === 0);
  if (
    address === undefined || !isWhole || offset % groupSize !== 0 ||
    line % groupSize !== 0
  ) return undefined;
  const groupWords = groupSize * bits / 32;
  const groups = array.length / (groupWords + scaleWords);
  const scales = address + 4 * groups * groupWords;
  return {
    ...{ traits, byColumns },
    words: address + offset * bits / 8,
    wordRow: line * bits / 8,
    pairs: scales + 4 * scaleWords * offset / groupSize,
    pairRow: 4 * scaleWords * line / groupSize,
  };
}

function multiplyRows(
  machine: CpuMachine,
  { m, n, k, a, aOffset, aRow, out }: Product,
  { traits, words, wordRow, pairs, pairRow }: QuantizedRight,
): void {
  const { bits, groupSize, scale } = traits;
  const rows = machine.scratch(4 * m * (k + k / groupSize));
  const left = [a + 4 * aOffset, 4 * aRow, k, bits, groupSize, rows];
  machine.run("prepareRows", m, left, false);
  machine.run("rowsByQuantized", Math.ceil(n / ROWS_UNIT), [
    ...[rows, m, words, wordRow, pairs, pairRow],
    ...[KINDS[scale], bits, groupSize, n, k, out, 4 * n],
  ], machine.shares(2 * m * n * k / WORK_RATE));
}

function multiplyByPanels(
  machine: CpuMachine,
  product: Product,
  right: QuantizedRight,
): void {
  const { m, n, k } = product;
  const { traits: { bits, groupSize, scale, scaleWords }, byColumns } = right;
  const most = Math.floor(PACKED_BYTES / (4 * k));
  const step = Math.max(WHOLE_GROUPS, most - most % WHOLE_GROUPS);
  for (let column = 0; column < n; column += step) {
    const columns = Math.min(step, n - column);
    const part: ProductPart = { matrix: 0, column, matrices: 1, columns };
    const panels = Math.ceil(columns / 8);
    const shared = machine.shares(2 * m * columns * k / WORK_RATE);
    const packed = machine.scratch(4 * k * panels * 8);
    const words = byColumns ? column * right.wordRow : column * bits / 8;
    const pairs = byColumns
      ? column * right.pairRow
      : column / groupSize * 4 * scaleWords;
    machine.run(byColumns ? "unpackColumns" : "unpackRows", panels, [
      ...[right.words + words, right.wordRow],
      ...[right.pairs + pairs, right.pairRow],
      ...[KINDS[scale], bits, groupSize, columns, k, packed],
    ], shared);
    multiplyPanels(machine, product, part, packed, shared);
  }
}

function jointOf(
  c: CpuOperand,
  d: CpuOperand,
  attributes: unknown,
): MatmulJoint {
  if (
    !(c.array instanceof Float32Array && d.array instanceof Float32Array) ||
    typeof attributes !== "object" || attributes === null ||
    !("scale" in attributes) || typeof attributes.scale !== "number"
  ) throw new TypeError("Cannot join a product without floats and a scale");
  return {
    ...{ c: c.array, d: d.array, scale: attributes.scale },
    rank: c.view.shape.at(-1)!,
    cOffset: c.view.offset,
    cRow: c.view.strides[0]!,
    cColumn: c.view.strides[1]!,
    dOffset: d.view.offset,
    dRow: d.view.strides[0]!,
    dColumn: d.view.strides[1]!,
  };
}
