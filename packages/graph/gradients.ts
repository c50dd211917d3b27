import { add, FULL, Tensor } from "@wick/core-tensor";
import { recordedOrder } from "./topological_order.ts";

/**
 * Records the gradient of the sum of `y` by each of `xs`. Nothing runs; the
 * gradients are tensors like any other.
 *
 * @example Usage
 * ```ts
 * import { mul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { gradients } from "@wick/graph";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([3, 4]);
 * const [dx] = gradients(mul(x, x), [x]);
 * assertClose(await dx!.data(), [6, 8]);
 * ```
 *
 * @param y The result.
 * @param xs What to differentiate by.
 * @param seed The gradient of `y` itself; ones if absent.
 * @returns A gradient for each of `xs`, of its shape; zeros where `y` does not
 *   depend on it.
 * @throws {TypeError} If an operation on the way has no gradient.
 */
export function gradients(
  y: Tensor,
  xs: readonly Tensor[],
  seed: Tensor = constant(y, 1),
): Tensor[] {
  const order = recordedOrder([y]);
  const wanted = dependents(order, xs);
  const found = new Map<Tensor, Tensor>();
  if (wanted.has(y)) found.set(y, seed);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const dy = found.get(node);
    if (!dy || !node.operation) continue;
    const { operation, inputs, attributes } = node;
    const makers = operation.gradient?.(dy, {
      inputs,
      attributes,
      shape: node.shape,
      dtype: node.dtype,
      output: node,
    });
    inputs.forEach((input, index) => {
      if (!wanted.has(input)) return;
      const maker = makers?.[index];
      if (!maker) {
        throw new TypeError(
          `Cannot differentiate ${operation.name} by operand ${index}: it has no gradient`,
        );
      }
      const sum = found.get(input);
      found.set(input, sum ? add(sum, maker()) : maker());
    });
  }
  return xs.map((x) => found.get(x) ?? constant(x, 0));
}

/** A constant of the shape and the device of a tensor, so it can be read. */
function constant({ shape, executor }: Tensor, value: number): Tensor {
  const tensor = new Tensor(shape, "f32", executor, false);
  tensor.operation = FULL;
  tensor.attributes = { shape, value, dtype: "f32" };
  return tensor;
}

/** The tensors of an order that depend on one of `xs`. */
function dependents(
  order: readonly Tensor[],
  xs: readonly Tensor[],
): Set<Tensor> {
  const dependent = new Set(xs);
  for (const node of order) {
    if (node.inputs.some((input) => dependent.has(input))) dependent.add(node);
  }
  return dependent;
}
