import type { KernelCall, Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { checkGather } from "./check_gather.ts";

/** The options of {@linkcode gatherMatmulGradient}. */
export interface GatherMatmulGradientAttributes {
  /** The matrices of the stack. */
  readonly count: number;
}

/** The operation that {@linkcode gatherMatmulGradient} records. */
export const GATHER_MATMUL_GRADIENT: Operation<GatherMatmulGradientAttributes> =
  {
    name: "gather_matmul_gradient",
    operandCount: 3,
    infer: ([x, dy, index], { count }) => {
      checkGather(x!, dy!, index!);
      if (
        dy!.shape.length !== 3 || `${dy!.shape.slice(0, 2)}` !==
          `${x!.shape.slice(0, 2)}`
      ) {
        throw new RangeError(
          `Cannot add up products of [${x!.shape}] and [${
            dy!.shape
          }]: they must have as many rows`,
        );
      }
      return { shape: [count, x!.shape[2]!, dy!.shape[2]!], dtype: "f32" };
    },
    reference: ([x, dy, index], { inputs, shape: [count, k, n] }) => {
      const m = inputs[0]!.shape[1]!;
      const out = new Float64Array(count! * k! * n!);
      for (let row = 0; row < index!.length * m; row++) {
        const matrix = index![Math.floor(row / m)]!;
        if (matrix < 0 || matrix >= count!) continue;
        for (let inner = 0; inner < k!; inner++) {
          const left = x![row * k! + inner]!;
          for (let column = 0; column < n!; column++) {
            out[(matrix * k! + inner) * n! + column]! += left *
              dy![row * n! + column]!;
          }
        }
      }
      return out;
    },
    kernel: ({ inputs, output: { shape }, device }): KernelCall => {
      const [count, k, n] = [shape[0]!, shape[1]!, shape[2]!];
      const [x, , index] = inputs;
      const software = device.adapterClass === "software";
      const tile = {
        ROWS: Math.min(4, k),
        COLUMNS: n > 8 ? 2 : 1,
        ACROSS: 8,
        DOWN: software ? 1 : 8,
      };
      return {
        kernel: "gather_matmul_gradient",
        sizes: {
          BATCH: x!.view.shape[0]!,
          M: x!.view.shape[1]!,
          N: n,
          K: k,
          COUNT: count,
          ...tile,
        },
        types: { Id: index!.dtype },
        workgroups: count * Math.ceil(k / (tile.ROWS * tile.DOWN)) *
          Math.ceil(n / (tile.COLUMNS * tile.ACROSS)),
      };
    },
  };

/**
 * Adds up products `x[s]ᵀ·dy[s]` by the matrix that each was made with, in the
 * order of the batch: the gradient of {@linkcode gatherMatmul} for its stack.
 *
 * @example Usage
 * ```ts
 * import { gatherMatmulGradient } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[[2]], [[3]], [[5]]]);
 * const dy = device.tensor([[[1]], [[10]], [[100]]]);
 * const index = device.tensor(Int32Array.of(1, 0, 1));
 * assertClose(await gatherMatmulGradient(x, dy, index, 2).data(), [30, 502]);
 * ```
 *
 * @param x The left matrices, `[batch, m, k]`.
 * @param dy The right ones, `[batch, m, n]`.
 * @param index Where each product goes, `[batch]`; what is outside is left out.
 * @param count The matrices of the result.
 * @returns The sums, `[count, k, n]`.
 * @throws {RangeError} If the sizes do not fit.
 * @throws {TypeError} If an operand is of another type.
 */
export function gatherMatmulGradient(
  x: Tensor,
  dy: Tensor,
  index: Tensor,
  count: number,
): Tensor {
  return record(GATHER_MATMUL_GRADIENT, [x, dy, index], { count });
}
