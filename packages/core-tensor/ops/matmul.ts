import type { KernelRequest, NodeOf, Operation } from "../operation.ts";
import { DTYPES } from "../dtype.ts";
import { broadcastShapes, elementCount, type Shape } from "../shape.ts";
import { record, type Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast_to.ts";
import { matmulCall } from "./matmul_call.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

/** The operation that {@linkcode matmul} records. */
export const MATMUL: Operation<undefined> = {
  name: "matmul",
  operandCount: 2,
  infer: ([a, b]) => {
    if (!DTYPES[a!.dtype].float || !DTYPES[b!.dtype].float) {
      throw new TypeError(
        `Cannot matmul ${a!.dtype} and ${b!.dtype}: both must be floats`,
      );
    }
    return { shape: productShape(a!.shape, b!.shape), dtype: "f32" };
  },
  reference: ([a, b], node) => productReference(a!, b!, node),
  gradient: (dy, { inputs: [a, b] }) => [
    () => matmul(dy, transpose(b!)),
    () => matmul(transpose(a!), dy),
  ],
  // The narrow products of adapters read a wide operand once or twice.
  readsOf: (index, { shape }) =>
    Math.ceil(index === 0 ? shape.at(-1)! / 16 : shape.at(-2)! / 4),
  kernel: (request: KernelRequest<undefined>) => matmulCall(request),
  // The kernels walk along any strides; only batches that lie apart in more
  // ways than they have axes for are copied.
  accepts: (_, { view }) => view.shape.length <= 5,
};

/**
 * Multiplies matrices over the last two axes, `[…, m, k]` by `[…, k, n]`; the
 * axes before are broadcast. Sums are `f32` whatever the operands.
 *
 * @example Usage
 * ```ts
 * import { matmul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const a = device.tensor([[1, 2], [3, 4]]);
 * const b = device.tensor([[1], [10]]);
 * assertClose(await matmul(a, b).data(), [21, 43]);
 * ```
 *
 * @param a The left matrices, of at least two axes.
 * @param b The right matrices, of at least two axes.
 * @returns The products, `[…, m, n]`.
 * @throws {RangeError} If the inner sizes differ or the rest does not broadcast.
 * @throws {TypeError} If an operand holds no fractions.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const shape = productShape(a.shape, b.shape);
  const [k, n] = [a.shape.at(-1)!, b.shape.at(-1)!];
  if (b.shape.length === 2 && a.shape.length > 2) {
    // One right matrix for all: the rows of every left one are one matrix.
    const rows = reshape(a, [-1, k]);
    return reshape(record(MATMUL, [rows, b], undefined), shape);
  }
  const lead = shape.slice(0, -2);
  return record(MATMUL, [
    broadcastTo(a, [...lead, a.shape.at(-2)!, k]),
    broadcastTo(b, [...lead, k, n]),
  ], undefined);
}

function productShape(a: Shape, b: Shape): Shape {
  if (a.length < 2 || b.length < 2) {
    throw new RangeError(
      `Cannot matmul [${a}] and [${b}]: both need at least 2 axes`,
    );
  }
  const [k, inner] = [a.at(-1)!, b.at(-2)!];
  if (k !== inner) {
    throw new RangeError(
      `Cannot matmul [${a}] and [${b}]: the inner sizes ${k} and ${inner} must be equal`,
    );
  }
  const lead = broadcastShapes("matmul", a.slice(0, -2), b.slice(0, -2));
  return [...lead, a.at(-2)!, b.at(-1)!];
}

function productReference(
  a: Float64Array,
  b: Float64Array,
  { inputs, shape }: NodeOf<undefined>,
): Float64Array {
  const [m, n] = [shape.at(-2)!, shape.at(-1)!];
  const k = inputs[0]!.shape.at(-1)!;
  const batch = elementCount(shape.slice(0, -2));
  const out = new Float64Array(batch * m * n);
  for (let row = 0; row < batch * m; row++) {
    const matrix = Math.floor(row / m) * k * n;
    for (let inner = 0; inner < k; inner++) {
      const left = a[row * k + inner]!;
      for (let column = 0; column < n; column++) {
        out[row * n + column]! += left * b[matrix + inner * n + column]!;
      }
    }
  }
  return out;
}
