import type { DeviceTraits, KernelCall, Operation } from "../operation.ts";
import { record, type Tensor } from "../tensor.ts";
import { checkGather } from "./check_gather.ts";
import { gatherMatmulGradient } from "./gather_matmul_gradient.ts";
import { powerOfTwo } from "./power_of_two.ts";

/** The options of {@linkcode gatherMatmul}. */
export interface GatherMatmulAttributes {
  /** Whether the matrices lie `[n, k]`. */
  readonly transposed: boolean;
}

/** The operation that {@linkcode gatherMatmul} records. */
export const GATHER_MATMUL: Operation<GatherMatmulAttributes> = {
  name: "gather_matmul",
  operandCount: 3,
  infer: ([x, stack, index], { transposed }) => {
    const [k, n] = transposed
      ? [stack!.shape[2], stack!.shape[1]]
      : [stack!.shape[1], stack!.shape[2]];
    checkGather(x!, stack!, index!);
    if (stack!.shape.length !== 3 || x!.shape[2] !== k) {
      throw new RangeError(
        `Cannot multiply [${x!.shape}] by matrices of [${
          stack!.shape
        }]: they must be [count, ${
          transposed ? `n, ${x!.shape[2]}` : `${x!.shape[2]}, n`
        }]`,
      );
    }
    return { shape: [x!.shape[0]!, x!.shape[1]!, n!], dtype: "f32" };
  },
  reference: ([x, stack, index], { inputs, shape, attributes }) => {
    const [batch, m, n] = [shape[0]!, shape[1]!, shape[2]!];
    const [count, k] = [inputs[1]!.shape[0]!, inputs[0]!.shape[2]!];
    const out = new Float64Array(batch * m * n);
    for (let row = 0; row < batch * m; row++) {
      const matrix = index![Math.floor(row / m)]!;
      if (matrix < 0 || matrix >= count) continue;
      for (let inner = 0; inner < k; inner++) {
        const left = x![row * k + inner]!;
        for (let column = 0; column < n; column++) {
          const inside = attributes.transposed
            ? column * k + inner
            : inner * n + column;
          out[row * n + column]! += left * stack![matrix * k * n + inside]!;
        }
      }
    }
    return out;
  },
  gradient: (dy, { inputs: [x, stack, index], attributes: { transposed } }) => [
    () => gatherMatmul(dy, stack!, index!, { transposed: !transposed }),
    () => {
      const count = stack!.shape[0]!;
      return transposed
        ? gatherMatmulGradient(dy, x!, index!, count)
        : gatherMatmulGradient(x!, dy, index!, count);
    },
    undefined,
  ],
  kernel: ({ inputs, output: { shape }, attributes, device }): KernelCall => {
    const [batch, m, n] = [shape[0]!, shape[1]!, shape[2]!];
    const [x, stack, index] = inputs;
    const k = x!.view.shape[2]!;
    const tile = tileOf(device, batch * m * n, m, n, k);
    const { ROWS, COLUMNS, ACROSS, DOWN } = tile;
    return {
      kernel: "gather_matmul",
      sizes: {
        BATCH: batch,
        M: m,
        N: n,
        K: k,
        COUNT: stack!.view.shape[0]!,
        TRANSPOSED: Number(attributes.transposed),
        ...tile,
      },
      types: { Id: index!.dtype },
      workgroups: batch * Math.ceil(m / (ROWS * DOWN)) *
        Math.ceil(n / (COLUMNS * ACROSS)),
    };
  },
};

/** How a workgroup shares the results. */
interface GatherTile extends Readonly<Record<string, number>> {
  readonly ROWS: number;
  readonly COLUMNS: number;
  readonly ACROSS: number;
  readonly DOWN: number;
  readonly SPLIT: number;
}

// So many results keep a GPU busy with one thread each.
const MANY = 2 ** 14;

function tileOf(
  { adapterClass, maxWorkgroupThreads }: DeviceTraits,
  results: number,
  m: number,
  n: number,
  k: number,
): GatherTile {
  const ROWS = Math.min(4, m);
  if (adapterClass === "software") {
    // llvmpipe runs eight threads as a vector, and dislikes barriers.
    return { ROWS, COLUMNS: n > 8 ? 2 : 1, ACROSS: 8, DOWN: 1, SPLIT: 1 };
  }
  const ACROSS = Math.min(16, powerOfTwo(n));
  if (results >= MANY || k < 64) {
    const DOWN = Math.max(1, Math.min(64 / ACROSS, powerOfTwo(m / ROWS)));
    return { ROWS, COLUMNS: n > 16 ? 4 : 1, ACROSS, DOWN, SPLIT: 1 };
  }
  const threads = Math.min(256, maxWorkgroupThreads);
  const SPLIT = Math.min(32, threads / ACROSS, powerOfTwo(k / 16));
  return { ROWS, COLUMNS: 1, ACROSS, DOWN: 1, SPLIT };
}

/**
 * Multiplies each matrix of a batch by one that it chooses from a stack. The
 * work is that of one product for each, however many matrices there are.
 *
 * @example Usage
 * ```ts
 * import { gatherMatmul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { assertClose } from "@wick/testing";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([[[1, 2]], [[3, 4]], [[5, 6]]]);
 * const stack = device.tensor([[[10], [0]], [[0], [100]]]);
 * const index = device.tensor(Int32Array.of(1, -1, 0));
 * assertClose(await gatherMatmul(x, stack, index).data(), [200, 0, 50]);
 * ```
 *
 * @param x The left matrices, `[batch, m, k]`.
 * @param stack The right matrices, `[count, k, n]`.
 * @param index Which of them each left one is multiplied by, `i32` or `u32`
 *   `[batch]`; one that is not there, such as -1, gives zeros.
 * @param options Whether the right matrices lie `[count, n, k]`; false if absent.
 * @returns The products, `[batch, m, n]`.
 * @throws {RangeError} If the sizes do not fit.
 * @throws {TypeError} If an operand is of another type.
 */
export function gatherMatmul(
  x: Tensor,
  stack: Tensor,
  index: Tensor,
  options: Partial<GatherMatmulAttributes> = {},
): Tensor {
  const { transposed = false } = options;
  return record(GATHER_MATMUL, [x, stack, index], { transposed });
}
