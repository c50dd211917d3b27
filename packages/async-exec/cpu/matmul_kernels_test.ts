import {
  broadcastView,
  elementCount,
  JOINT_MATMUL,
  MATMUL,
  permuteView,
  rowMajorView,
  type Shape,
  sliceView,
  type View,
} from "@wick/core-tensor";
import { assertClose, random } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";
import { type CpuOperand, denseOperand } from "./cpu_kernel.ts";
import { CpuMachine } from "./cpu_machine.ts";
import { MATMUL_KERNELS } from "./matmul_kernels.ts";

const [product, joint] = MATMUL_KERNELS;

function operand(view: View, buffer: Shape, seed: number): CpuOperand {
  const array = Float32Array.from(random(buffer, seed).values);
  return { array, view, dtype: "f32" };
}

/**
 * Compares with the reference of the operation, on copied operands: those that
 * lie elsewhere than in the memory of the machine are multiplied by other code.
 */
function check(
  kernel: typeof product,
  operands: readonly CpuOperand[],
  shape: Shape,
  attributes?: unknown,
): void {
  const machine = new CpuMachine({ threads: 1, blas: false });
  const want = kernel!.operation.reference(
    operands.map((one) => Float64Array.from(denseOperand(one))),
    {
      inputs: operands.map(({ view, dtype }) => ({ shape: view.shape, dtype })),
      ...{ shape, dtype: "f32", attributes },
    },
  );
  const inMemory = operands.map((operand): CpuOperand => {
    const array = machine.temporary(operand.array.length);
    array.set(operand.array);
    return { ...operand, array };
  });
  for (const placed of [operands, inMemory]) {
    const output = machine.temporary(elementCount(shape)).fill(NaN);
    kernel!.run({ attributes, operands: placed, output, shape, machine });
    assertClose(output, want, { rtol: 1e-6, atol: 1e-6 });
  }
  machine.close();
}

Deno.test("MATMUL_KERNELS has both products", () => {
  assertEquals(
    MATMUL_KERNELS.map(({ operation }) => operation.name),
    [MATMUL.name, JOINT_MATMUL.name],
  );
});

Deno.test("MATMUL runs over several batch axes, some of them repeated", () => {
  const [left, right]: [Shape, Shape] = [[2, 1, 3, 5, 4], [4, 1, 4, 6]];
  const lead = [2, 4, 3];
  check(product, [
    operand(broadcastView(rowMajorView(left), [...lead, 5, 4]), left, 1),
    operand(broadcastView(rowMajorView(right), [...lead, 4, 6]), right, 2),
  ], [...lead, 5, 6]);
});

Deno.test("MATMUL reads transposed and cut operands where they lie", () => {
  const left = permuteView(rowMajorView([3, 7, 2, 9]), [0, 2, 1, 3]);
  const right = sliceView(
    permuteView(rowMajorView([3, 2, 11, 10]), [0, 1, 3, 2]),
    [0, 0, 1, 2],
    [3, 2, 9, 8],
  );
  check(product, [
    operand(left, [3 * 7 * 2 * 9], 1),
    operand(right, [3 * 2 * 11 * 10], 2),
  ], [3, 2, 7, 8]);
});

Deno.test("JOINT_MATMUL adds the scaled second product", () => {
  const transposed = (rows: number, columns: number): View =>
    permuteView(rowMajorView([columns, rows]), [1, 0]);
  for (const m of [1, 6]) {
    check(
      joint,
      [
        operand(rowMajorView([m, 9]), [m, 9], 1),
        operand(transposed(9, 5), [5, 9], 2),
        operand(transposed(m, 3), [3, m], 3),
        operand(rowMajorView([3, 5]), [3, 5], 4),
      ],
      [m, 5],
      { scale: 2.5 },
    );
  }
});

Deno.test("MATMUL refuses operands that are not floats", () => {
  const view = rowMajorView([2, 2]);
  const whole: CpuOperand = { array: new Int32Array(4), view, dtype: "i32" };
  assertThrows(
    () => check(product, [whole, whole], [2, 2]),
    TypeError,
    "Int32Array",
  );
});
