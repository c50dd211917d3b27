import type { TensorSpec } from "@wick/core-tensor";
import type { StepMain } from "@wick/graph";
import type { CpuArray } from "./cpu_array.ts";
import { type CpuOperand, denseOperand, gather } from "./cpu_kernel.ts";

/**
 * Runs an operation by its reference, in `float64`: slow, for operations that
 * have no CPU kernel.
 *
 * @param main The operation and its options.
 * @param operands Its operands.
 * @param output Where the result goes.
 */
export function runReference(
  main: StepMain,
  operands: readonly CpuOperand[],
  output: CpuArray,
): void {
  const { operation, attributes, shape, dtype } = main;
  const inputs = operands.map(({ array, view }) => {
    const values = new Float64Array(
      view.shape.reduce((product, size) => product * size, 1),
    );
    gather(array, values, view.shape, view.strides, view.offset);
    return values;
  });
  const specs = operands.map(({ view, dtype }): TensorSpec => ({
    shape: view.shape,
    dtype,
  }));
  output.set(
    operation.reference(inputs, { attributes, shape, dtype, inputs: specs }),
  );
  for (const index of operation.alsoUpdates ?? []) {
    denseOperand(operands[index]!).set(inputs[index]!);
  }
}
