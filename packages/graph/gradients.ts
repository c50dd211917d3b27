import { add, FULL, Tensor } from "@wick/core-tensor";
import { Recomputation } from "./recomputation.ts";
import { recordedOrder } from "./topological_order.ts";

/** Options of {@linkcode gradients}. */
export interface GradientsOptions {
  /** The gradient of the result itself; ones if absent. */
  readonly seed?: Tensor;
  /**
   * Tensors on the way, first to last, between which all that gradients need
   * is computed again rather than kept; all is kept if absent.
   */
  readonly checkpoints?: readonly Tensor[];
}

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
 * @param options What the gradient of `y` is, and what is computed again; or
 *   the gradient alone.
 * @returns A gradient for each of `xs`, of its shape; zeros where `y` does not
 *   depend on it.
 * @throws {TypeError} If an operation on the way has no gradient.
 */
export function gradients(
  y: Tensor,
  xs: readonly Tensor[],
  options: Tensor | GradientsOptions = {},
): Tensor[] {
  const { seed = constant(y, 1), checkpoints } = options instanceof Tensor
    ? { seed: options }
    : options;
  const order = recordedOrder([y]);
  const wanted = dependents(order, xs);
  const asked = new Set(xs);
  const again = checkpoints && new Recomputation(order, checkpoints);
  const found = new Map<Tensor, Tensor>();
  if (wanted.has(y)) found.set(y, seed);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    again?.wait(node, found);
    const dy = found.get(node);
    if (!dy || !node.operation || node.operation.stopsGradient) continue;
    const { operation, attributes, shape, dtype } = node;
    const seen = again?.seen(node, found) ??
      { inputs: node.inputs, output: node };
    const makers = operation.gradient?.(dy, {
      attributes,
      shape,
      dtype,
      ...seen,
    });
    node.inputs.forEach((input, index) => {
      if (!wanted.has(input)) return;
      const maker = makers?.[index];
      if (!maker) {
        throw new TypeError(
          `Cannot differentiate ${operation.name} by operand ${index}: it has no gradient`,
        );
      }
      const sum = found.get(input);
      found.set(input, sum ? add(sum, maker()) : maker());
      if (asked.has(input)) again?.note(input);
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
    if (node.operation?.stopsGradient) continue;
    if (node.inputs.some((input) => dependent.has(input))) dependent.add(node);
  }
  return dependent;
}
