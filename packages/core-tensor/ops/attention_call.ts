import type {
  DeviceTraits,
  KernelCall,
  KernelOperand,
  KernelRequest,
} from "../operation.ts";
import { isRowMajor } from "../view.ts";
import { type AttentionAttributes, attentionSizes } from "./attention_rows.ts";

/** What the kernels of attention and its gradients state. */
export interface AttentionKernel {
  /** The file; `_tiled` is added for the one in workgroup memory. */
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
  const all = keepsKeys ? keys : queries * group;
  const sharesKeys = split !== undefined && all <= FEW_ROWS;
  const tiled = sharesKeys
    ? undefined
    : keepsKeys
    ? threadsForKeyTiles(device, headDim / 4, {
      keys,
      queries: queries * group,
      heads: batch * kvHeads,
    })
    : threadsForTiles(device, shared * headDim / 4);
  const { rows, threads } = tiled ??
    (sharesKeys
      ? threadsForKeys(device, all, headDim / 4)
      : threadsForRows(device, all, kept * headDim / 4));
  const ofGroup = tiled || sharesKeys ? rows : rows * threads;
  return {
    kernel: tiled ? `${kernel}_tiled` : sharesKeys ? split : kernel,
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
      ROWS: rows,
      THREADS: threads,
      ...(tiled?.teams && { TEAMS: tiled.teams }),
    },
    ...wideners(vectors, inputs),
    workgroups: batch * kvHeads * Math.ceil(all / ofGroup),
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

interface Threading {
  /** Rows of a thread, or of a workgroup whose threads share the keys. */
  readonly rows: number;
  readonly threads: number;
  /** Teams of as many threads that share the other side. */
  readonly teams?: number;
}

// With fewer rows than this too few threads have something to do, unless they
// share the keys.
const FEW_ROWS = 16;
// Loading a vector takes llvmpipe as long as ten uses of it. More vectors in a
// thread than these take it seconds to compile; a GPU has no room for as many.
const LOAD = 10;
const MOST_VECTORS = { software: 128, gpu: 64 } as const;

function threadsForKeys(
  { adapterClass, maxWorkgroupBytes }: DeviceTraits,
  all: number,
  vectors: number,
): Threading {
  const most = Math.floor(MOST_VECTORS[adapterClass] / (2 * vectors));
  const rows = Math.max(1, Math.min(all, most));
  // Each thread has a peak, a total and its sums in workgroup memory.
  const bytes = rows * (8 + 16 * vectors);
  let threads = adapterClass === "software" ? 8 : 64;
  while (threads > 1 && threads * bytes > maxWorkgroupBytes) threads /= 2;
  return { rows, threads };
}

/** A tile that fits into the workgroup memory of a GPU, if one does. */
function threadsForTiles(
  { adapterClass, maxWorkgroupBytes }: DeviceTraits,
  vectors: number,
): Threading | undefined {
  if (adapterClass === "software") return undefined;
  // Two numbers for each of 32 rows of the other side, two for each row.
  for (const rows of [16, 8]) {
    const bytes = rows * (16 * vectors + 2 * 4 * 32 + 8);
    if (bytes <= maxWorkgroupBytes) return { rows, threads: 128 };
  }
  return undefined;
}

// A large GPU: as many threads as keep all of it busy.
const MANY_THREADS = 2 ** 17;

/** A tile of keys that fits, with teams where there are few tiles. */
function threadsForKeyTiles(
  device: DeviceTraits,
  vectors: number,
  { keys, queries, heads }: {
    keys: number;
    queries: number;
    heads: number;
  },
): Threading | undefined {
  const whole = threadsForTiles(device, 2 * vectors);
  if (!whole) return undefined;
  const { threads } = whole;
  const tilesOf = (rows: number): number => heads * Math.ceil(keys / rows);
  const rows = tilesOf(whole.rows) * threads < MANY_THREADS ? 8 : whole.rows;
  const fits = (teams: number): boolean =>
    teams * threads <= device.maxWorkgroupThreads &&
    rows * 32 * vectors + teams * rows * 2 * 4 * 32 +
          (teams - 1) * threads * 16 <= device.maxWorkgroupBytes &&
    // Each has two tiles of 32 queries to walk over.
    teams * 64 <= queries;
  let teams = 1;
  while (
    fits(2 * teams) && tilesOf(rows) * teams * threads < MANY_THREADS
  ) teams *= 2;
  return { rows, threads, teams };
}

/** The rows of a thread that give the least work in all. */
function threadsForRows(
  { adapterClass }: DeviceTraits,
  all: number,
  vectors: number,
): Threading {
  if (adapterClass === "gpu") return { rows: 1, threads: 64 };
  const threads = 8;
  const most = Math.max(1, Math.floor(MOST_VECTORS.software / vectors));
  let best = 1;
  let least = Infinity;
  for (let rows = 1; rows <= most; rows++) {
    const work = Math.ceil(all / (rows * threads)) * (LOAD + rows);
    if (work < least) [best, least] = [rows, work];
  }
  return { rows: best, threads };
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

/** What widens the 16-bit floats among the operands. */
function wideners(
  vectors: AttentionKernel["vectors"],
  inputs: readonly KernelOperand[],
): Pick<KernelCall, "types" | "hooks"> {
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
