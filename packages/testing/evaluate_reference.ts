import type { Tensor } from "@wick/core-tensor";
import { recordedOrder } from "@wick/graph";

/**
 * Gives the values of a recorded tensor by the reference of each operation, in
 * `float64`.
 *
 * @param root The tensor.
 * @param given The values of the tensors that it starts from.
 * @returns Its values, row by row.
 * @throws {TypeError} If it starts from a tensor that is not given.
 */
export function evaluateReference(
  root: Tensor,
  given: ReadonlyMap<Tensor, Float64Array>,
): Float64Array {
  const known = new Map(given);
  for (const node of recordedOrder([root])) {
    if (known.has(node)) continue;
    if (!node.operation) {
      throw new TypeError(`Cannot evaluate ${node}: its values are not given`);
    }
    const inputs = node.inputs.map((operand) => known.get(operand)!);
    const { attributes, shape, dtype } = node;
    known.set(
      node,
      node.operation.reference(inputs, {
        attributes,
        shape,
        dtype,
        inputs: node.inputs,
      }),
    );
  }
  return known.get(root)!;
}
