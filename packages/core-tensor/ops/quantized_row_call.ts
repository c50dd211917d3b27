import type { KernelCall, KernelRequest } from "../operation.ts";
import { isQuantized, QUANTIZED_DTYPES } from "../quantized_dtype.ts";
import { READ_FOUR } from "./read_four.ts";
import { scaleAndBias } from "./read_quantized.ts";

/** The kernel. */
export const QUANTIZED_ROW = "matmul_quantized_row";

/** Threads of a workgroup. */
const THREADS = 128;

/**
 * Gives the call of the kernel that multiplies one row by the transpose of a
 * quantized weight, where a GPU is asked for one and the operands lie so.
 *
 * @param request What is asked of a product of matrices.
 * @returns The call; `undefined` where another kernel suits better.
 */
export function quantizedRowCall(
  { inputs, output: { shape }, device, like }: KernelRequest<unknown>,
): KernelCall | undefined {
  // Another kernel is asked to compute as it does elsewhere.
  if (like && like.kernel !== QUANTIZED_ROW) return undefined;
  const [a, b, ...joint] = inputs;
  const { dtype, elements } = b!;
  const [m, n] = [shape.at(-2)!, shape.at(-1)!];
  const k = a!.view.shape.at(-1)!;
  if (
    !isQuantized(dtype) || device.adapterClass !== "gpu" || joint.length > 0 ||
    shape.length !== 2 || m !== 1 || n === 0 ||
    a!.computed?.vectors === false ||
    (a!.dtype !== "f32" && a!.dtype !== "f16" && a!.dtype !== "bf16")
  ) return undefined;
  const { bits, groupSize, scale } = QUANTIZED_DTYPES[dtype];
  const [inner, column] = b!.view.strides;
  const isWhole = (size: number): boolean => size % groupSize === 0;
  if (
    a!.view.strides[1] !== 1 || a!.view.offset % 4 !== 0 ||
    inner !== 1 || !isWhole(k) || !isWhole(column!) || !isWhole(b!.view.offset)
  ) return undefined;
  const tile = like?.sizes ??
    rowTile(n, k * bits / 128, device.maxWorkgroupThreads);
  const tail = elements! * bits / 32;
  const four = READ_FOUR[a!.dtype];
  return {
    kernel: QUANTIZED_ROW,
    sizes: {
      N: n,
      K: k,
      A_OFFSET: a!.view.offset,
      B_OFFSET: b!.view.offset,
      B_COLUMN: column!,
      TAIL: tail,
      BITS: bits,
      GROUP: groupSize,
      LANES: tile["LANES"]!,
      TEAMS: tile["TEAMS"]!,
      COLUMNS: tile["COLUMNS"]!,
    },
    types: { FourA: four.type },
    hooks: {
      scale_and_bias: `return ${
        scaleAndBias(scale, tail, (i) => `word(${i})`)
      };`,
      ...(four.body && { read_a: four.body.replaceAll("$", "a") }),
    },
    workgroups: Math.ceil(n / (tile["TEAMS"]! * tile["COLUMNS"]!)),
  };
}

/** Who computes what: `pieces` of 16 bytes of a row of the weight are shared. */
function rowTile(
  n: number,
  pieces: number,
  maxThreads: number,
): Readonly<Record<string, number>> {
  // More lanes than there are pieces idle.
  const LANES = Math.min(32, 2 ** Math.floor(Math.log2(Math.max(pieces, 8))));
  return {
    LANES,
    TEAMS: Math.min(maxThreads, THREADS) / LANES,
    COLUMNS: n >= 2 ** 15 ? 4 : 2,
  };
}
