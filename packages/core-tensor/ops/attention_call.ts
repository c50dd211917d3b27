import type { KernelCall, KernelOperand, KernelRequest } from "../operation.ts";
import { isRowMajor } from "../view.ts";
import { type AttentionAttributes, attentionSizes } from "./attention_rows.ts";
import { takeThreading } from "./attention_threads.ts";

/** What the kernels of attention and its gradients state. */
export interface AttentionKernel {
  /** The file; `_tiled` or `_blocks` is added for one in workgroup memory. */
  readonly kernel: string;
  /** A file that shares the keys of few queries among threads, if any. */
  readonly split?: string;
  /** The names of the operands that the kernel reads four by four. */
  readonly vectors: readonly ("q" | "k" | "v" | "dy" | undefined)[];
  /** Whether a thread keeps keys rather than queries. */
  readonly keepsKeys: boolean;
  /** Vectors that a thread keeps for four features of a row. */
  readonly kept: number;
  /** Vectors of them that are in workgroup memory where it is tiled. */
  readonly shared: number;
}

const FORMS = { rows: "", tiled: "_tiled", blocks: "_blocks" } as const;

/**
 * Gives the call of a kernel of attention.
 *
 * @param kernel Which one.
 * @param request What is asked.
 * @returns The call.
 */
export function attentionCall(
  { kernel, split, vectors, keepsKeys, kept, shared }: AttentionKernel,
  { attributes, inputs, device }: KernelRequest<AttentionAttributes>,
): KernelCall {
  const named = (name: string | undefined): KernelOperand | undefined =>
    inputs[vectors.findIndex((vector) => vector === name)];
  const [q, k, v] = [named("q")!, named("k")!, named("v") ?? named("k")!];
  const { batch, queries, keys, heads, kvHeads, headDim, starts } =
    attentionSizes(
      [q, k, v, named(undefined)!].map(({ view, dtype }) => ({
        shape: view.shape,
        dtype,
      })),
    );
  const group = heads / kvHeads;
  const { parts = 1 } = attributes;
  const { chosen, tuning } = takeThreading(device, {
    ...{ kernel, keepsKeys, kept, shared, batch, queries, keys, kvHeads },
    ...{ group, parts, starts, vectors: headDim / 4 },
    canSplit: split !== undefined,
    causal: attributes.causal,
  });
  const { form, rows, threads } = chosen;
  const all = keepsKeys ? keys : queries * group;
  const { types, hooks } = wideners(vectors, inputs);
  const lanes = Math.min(device.subgroupSize ?? 1, threads);
  const walked = vectors.filter((name) =>
    keepsKeys ? name === "q" || name === "dy" : name === "k" || name === "v"
  );
  return {
    kernel: form === "split" ? split! : `${kernel}${FORMS[form]}`,
    sizes: {
      BATCH: batch,
      QUERIES: queries,
      KEYS: keys,
      KV_HEADS: kvHeads,
      GROUP: group,
      D4: headDim / 4,
      CAUSAL: attributes.causal ? 1 : 0,
      WINDOW: attributes.window ?? 0,
      STARTS: starts ? 1 : 0,
      SCALE: attributes.scale,
      ...Object.fromEntries(
        vectors.flatMap((name, i) => strides(name, inputs[i]!)),
      ),
      ...chosen.sizes,
      ...(parts > 1 && { HEAD_PARTS: parts }),
    },
    types,
    hooks: {
      ...hooks,
      ...(form === "rows" && lanes > 1 && sharedLoads(walked, lanes)),
    },
    workgroups: batch * kvHeads * parts * Math.ceil(all / rows),
    ...(tuning && { tuning }),
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
  const halves = dtype === "f16" || dtype === "bf16";
  return (dtype === "f32" || (halves && (vector === "k" || vector === "v"))) &&
    view.strides[3] === 1 && view.offset % 4 === 0 &&
    view.strides.slice(0, 3).every((stride) => stride % 4 === 0);
}

/** Where the vectors of an operand lie, as sizes of the kernel. */
function strides(
  name: string | undefined,
  { view }: KernelOperand,
): [string, number][] {
  if (!name) return [];
  const upper = name.toUpperCase();
  return [
    [`${upper}_OFFSET`, view.offset / 4],
    [`${upper}_BATCH`, view.strides[0]! / 4],
    [`${upper}_ROW`, view.strides[1]! / 4],
    [`${upper}_HEAD`, view.strides[2]! / 4],
  ];
}

/**
 * What has each lane of a subgroup load a vector of a row that all of them read,
 * and hand it on: loading takes llvmpipe the longest.
 */
function sharedLoads(
  names: AttentionKernel["vectors"],
  lanes: number,
): Record<string, string> {
  const own = `min(d / ${lanes}u * ${lanes}u + lane % ${lanes}u, D4 - 1u)`;
  const read = (name: string | undefined): string =>
    name === "k" || name === "v"
      ? `read_${name}(start + ${own})`
      : `${name}[start + ${own}]`;
  return {
    ...Object.fromEntries(names.map((name) => [
      `same_${name}`,
      `return subgroupShuffle(${read(name)}, d % ${lanes}u);`,
    ])),
    lowest: "return subgroupMin(own);",
    highest: "return subgroupMax(own);",
  };
}

/** What widens the 16-bit floats among the operands. */
function wideners(
  vectors: AttentionKernel["vectors"],
  inputs: readonly KernelOperand[],
): { types: Record<string, string>; hooks: Record<string, string> } {
  const types: Record<string, string> = {};
  const hooks: Record<string, string> = {};
  vectors.forEach((name, i) => {
    const { dtype } = inputs[i]!;
    if (!name || dtype === "f32") return;
    const [a, b] = ["words.x", "words.y"].map((word) =>
      dtype === "f16"
        ? `unpack2x16float(${word})`
        : `bitcast<vec2f>(vec2u(${word} << 16u, ${word} & 0xffff0000u))`
    );
    types[`Four${name.toUpperCase()}`] = "vec2u";
    hooks[`read_${name}`] = `let words = ${name}[i];
  return vec4f(${a}, ${b});`;
  });
  return { types, hooks };
}
