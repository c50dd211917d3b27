import { DTYPES } from "../dtype.ts";
import type { KernelCall, KernelOperand, KernelRequest } from "../operation.ts";
import { isRowMajor } from "../view.ts";
import { type AttentionAttributes, attentionSizes } from "./attention_rows.ts";

/** What the kernels of attention and its gradients share. */
export interface AttentionKernel {
  /** The file. */
  readonly kernel: string;
  /** What operands 0, 1, … are named in it; those read four by four. */
  readonly vectors: readonly ("q" | "k" | "v" | "dy" | undefined)[];
  /** Whether a thread keeps keys rather than queries. */
  readonly keepsKeys: boolean;
  /** Vectors of a whole head that a thread keeps for each row. */
  readonly kept: number;
}

/**
 * Gives the call of a kernel of attention.
 *
 * @param kernel Which one.
 * @param request What is asked.
 * @returns The call.
 */
export function attentionCall(
  { kernel, vectors, keepsKeys, kept }: AttentionKernel,
  { attributes, inputs, device }: KernelRequest<AttentionAttributes>,
): KernelCall {
  const specs = inputs.map(({ view, dtype }) => ({ shape: view.shape, dtype }));
  const places = (name: string): KernelOperand | undefined =>
    inputs[vectors.findIndex((vector) => vector === name)];
  const limits = specs[vectors.indexOf(undefined)]!;
  const sizes = attentionSizes([
    ...[specs[0]!, specs[1]!, vectors[2] === "v" ? specs[2]! : specs[1]!],
    limits,
  ]);
  const { batch, queries, keys, heads, kvHeads, headDim } = sizes;
  const group = heads / kvHeads;
  const all = keepsKeys ? keys : queries * group;
  const software = device.adapterClass === "software";
  const threads = software ? 8 : 64;
  const rows = software ? rowsOfThread(all, threads, kept * headDim / 4) : 1;
  const strides: Record<string, number> = {};
  const types: Record<string, string> = {};
  const hooks: Record<string, string> = {};
  for (const name of ["q", "k", "v", "dy"]) {
    const operand = places(name);
    if (!operand) continue;
    const { dtype, view } = operand;
    const upper = name.toUpperCase();
    strides[`${upper}_OFFSET`] = view.offset / 4;
    ["BATCH", "ROW", "HEAD"].forEach((axis, i) =>
      strides[`${upper}_${axis}`] = view.strides[i]! / 4
    );
    if (dtype === "f32") continue;
    types[`Four${upper}`] = "vec2u";
    hooks[`read_${name}`] = widened(name, dtype);
  }
  return {
    kernel,
    sizes: {
      BATCH: batch,
      QUERIES: queries,
      KEYS: keys,
      KV_HEADS: kvHeads,
      GROUP: group,
      D4: headDim / 4,
      CAUSAL: attributes.causal ? 1 : 0,
      SCALE: attributes.scale,
      ...strides,
      ROWS: rows,
      THREADS: threads,
    },
    types,
    hooks,
    workgroups: batch * kvHeads * Math.ceil(all / (rows * threads)),
  };
}

/**
 * Tells whether a kernel of attention reads an operand as it lies: features of
 * a head next to each other, everything else at multiples of four; keys and
 * values may be 16-bit floats. What is not read by vectors must lie row by row.
 *
 * @param vector The name of the operand in the kernel, if it is read so.
 * @param operand The operand.
 * @returns Whether it need not be copied.
 */
export function attentionAccepts(
  vector: string | undefined,
  { dtype, view }: KernelOperand,
): boolean {
  if (!vector) return view.offset === 0 && isRowMajor(view);
  const halves = vector === "k" || vector === "v";
  return (dtype === "f32" || (halves && DTYPES[dtype].float)) &&
    view.strides[3] === 1 && view.offset % 4 === 0 &&
    view.strides.slice(0, 3).every((stride) => stride % 4 === 0);
}

// Loading a vector takes llvmpipe as long as about ten uses of it. More vectors
// in a thread than this take it seconds to compile.
const LOAD = 10;
const MOST_VECTORS = 128;

/** The rows of a thread on a processor that give the least work in all. */
function rowsOfThread(all: number, threads: number, vectors: number): number {
  const most = Math.max(1, Math.floor(MOST_VECTORS / vectors));
  let best = 1;
  let least = Infinity;
  for (let rows = 1; rows <= most; rows++) {
    const work = Math.ceil(all / (rows * threads)) * (LOAD + rows);
    if (work < least) [best, least] = [rows, work];
  }
  return best;
}

function widened(name: string, dtype: string): string {
  const two = dtype === "f16"
    ? (word: string) => `unpack2x16float(${word})`
    : (word: string) =>
      `bitcast<vec2f>(vec2u(${word} << 16u, ${word} & 0xffff0000u))`;
  return `let words = ${name}[i];
  return vec4f(${two("words.x")}, ${two("words.y")});`;
}
