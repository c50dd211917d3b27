import type { KernelCall, KernelTuning } from "../operation.ts";
import { gpuTiles } from "./matmul_gpu_tile.ts";
import { type MatmulTile, scalarTile, softwareTiles } from "./matmul_tiles.ts";
import { matmulClass } from "./matmul_class.ts";
import { takeTuned } from "./tuned_choice.ts";
import { isQuantized, type QuantizedDType } from "../quantized_dtype.ts";
import { type PlacedOperand, placedOperand } from "./placed_operand.ts";
import { type ReadFour, readFour, readQuantized } from "./read_four.ts";

/** The element types that the matrix kernels read. */
export type MatmulType = "f32" | "f16" | "bf16";

/** Where an operand of a matrix product lies, in elements. */
export interface MatmulOperand {
  /** How its elements are stored. */
  readonly dtype: MatmulType | QuantizedDType;
  /** The elements of its whole buffer, where they are quantized. */
  readonly elements?: number;
  /** The element at which it starts. */
  readonly offset: number;
  /**
   * The elements to skip for a step along each batch axis, a row and a column;
   * 0 repeats.
   */
  readonly strides: readonly number[];
  /** Whether it can only be read one by one: code computes it. */
  readonly scalar?: boolean;
}

/** A matrix product to choose a kernel for. */
export interface MatmulRequest {
  /** The sizes of the axes before the last two; none if absent. */
  readonly batch?: readonly number[];
  /** Rows of the result, at least 1. */
  readonly m: number;
  /** Columns of the result, at least 1. */
  readonly n: number;
  /** The inner size. */
  readonly k: number;
  /** The left matrices, `[…batch, m, k]`. */
  readonly a: MatmulOperand;
  /** The right matrices, `[…batch, k, n]`. */
  readonly b: MatmulOperand;
  /**
   * A second product that is added, `scale·c·d` of `[m, rank]` and
   * `[rank, n]`; not with batch axes.
   */
  readonly joint?: {
    /** The inner size of the second product. */
    readonly rank: number;
    /** What it is multiplied by. */
    readonly scale: number;
    /** Its left matrix. */
    readonly c: MatmulOperand;
    /** Its right matrix. */
    readonly d: MatmulOperand;
  };
  /** `"software"` for a rasteriser on the CPU, which dislikes barriers. */
  readonly adapterClass: "software" | "gpu";
  /** Threads of a workgroup at most; 256 if absent. */
  readonly maxWorkgroupThreads?: number;
  /** Bytes of workgroup memory at most; 16 KiB if absent. */
  readonly maxWorkgroupBytes?: number;
  /** The lanes of a subgroup, where kernels for software can use them. */
  readonly subgroupSize?: number;
  /**
   * The call of another product of `[m, n]`: if it can be, each thread computes
   * the same elements.
   */
  readonly like?: {
    /** The kernel, one of the same family. */
    readonly kernel: string;
    /** Its sizes. */
    readonly sizes: Readonly<Record<string, number>>;
    /** Its workgroups. */
    readonly workgroups: KernelCall["workgroups"];
  };
  /** The variants that were measured to be the best, by the kind of product. */
  readonly tuned?: ReadonlyMap<string, string>;
}

/** What is behind the name of a kernel of matrices: how it shares the work. */
export type MatmulForm =
  | ""
  | "_direct"
  | "_lanes"
  | "_lanes_down"
  | "_rows"
  | "_split"
  | "_tiled";

/** A kernel of the family `kernels/matmul*.wgsl`. */
export type MatmulKernel = `matmul${"" | "_joint"}${MatmulForm}`;

/** A call of a matrix kernel, as plain data. */
export interface MatmulVariant {
  /** The file in `kernels/`, without its ending. */
  readonly kernel: MatmulKernel;
  /** Values of the kernel's `const` sizes. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Type aliases of the kernel, for operands of 16 bits. */
  readonly types: Readonly<Record<string, string>>;
  /** Bodies of the kernel's functions, for operands of 16 bits. */
  readonly hooks: Readonly<Record<string, string>>;
  /** Workgroups; may be spread over x and y. */
  readonly workgroups: number;
  /** What there was to choose from; absent if nothing. */
  readonly tuning?: KernelTuning;
}

/**
 * Chooses the kernel of a matrix product and its tiles.
 *
 * Sizes and strides that are multiples of four go to kernels that read vectors:
 * `matmul_direct` on software, `matmul_tiled` on a GPU, and there `matmul_split`
 * for few results and `matmul_rows` for few rows. The rest goes to `matmul`. The
 * choice for software was measured on llvmpipe, that for a GPU on an NVIDIA
 * H200: see the heads of the kernels. What `tuned` says of such products goes
 * before that.
 *
 * @example Usage
 * ```ts
 * import { matmulVariant } from "@wick/core-tensor";
 * import { assertEquals } from "@std/assert";
 *
 * const { kernel, workgroups } = matmulVariant({
 *   m: 1024,
 *   n: 1024,
 *   k: 512,
 *   a: { dtype: "f32", offset: 0, strides: [512, 1] },
 *   b: { dtype: "f32", offset: 0, strides: [1, 512] },
 *   adapterClass: "gpu",
 * });
 * assertEquals({ kernel, workgroups }, { kernel: "matmul_tiled", workgroups: 256 });
 * ```
 *
 * @param request What is to be multiplied.
 * @returns The kernel call.
 * @throws {RangeError} If more than three batch axes are left after those that
 * lie one after the other are joined, or a joint product has batch axes.
 */
export function matmulVariant(request: MatmulRequest): MatmulVariant {
  const { m, n, k, joint } = request;
  const batch = joinAxes(request);
  const matrices = batch.reduce((product, [size]) => product * size, 1);
  if (joint && matrices !== 1) {
    throw new RangeError(
      `Cannot join a second product to ${matrices} matrices: make their rows one matrix`,
    );
  }
  const operands: readonly PlacedOperand[] = [
    placedOperand("A", request.a, m, k, true),
    placedOperand("B", request.b, k, n, false),
    ...joint
      ? [
        placedOperand("C", joint.c, m, joint.rank, true),
        placedOperand("D", joint.d, joint.rank, n, false),
      ]
      : [],
  ];
  const vectors = n % 4 === 0 && k % 4 === 0 && k > 0 &&
    (joint?.rank ?? 4) % 4 === 0 &&
    batch.every(([, ...strides]) =>
      strides.every((stride) => stride % 4 === 0)
    ) &&
    operands.every(({ vectors }) => vectors);
  const inner = k + (joint?.rank ?? 0);
  const shape = { matrices, m, n, k: inner };
  const rows = operands.every(({ name, sizes }) =>
    name === "B" || name === "D" || sizes[`${name}_COLUMN`] === 1
  );
  const choices: readonly Choice[] = !vectors
    ? [{ name: "", form: "", tile: scalarTile(shape, request.adapterClass) }]
    : request.adapterClass === "software"
    ? softwareTiles(shape, request.subgroupSize, joint !== undefined)
    : gpuTiles({ ...shape, rows }, request);
  const { chosen, tuning } = takeTuned(request, choices, {
    key: matmulClass(request, matrices),
    operations: matrices * 2 * m * n * inner,
  });
  const like = likeTile(request, vectors && rows, vectors);
  const { form, tile } = like ?? chosen;
  const places = operands.map(({ name, place }) =>
    [name, form === "" ? one(place) : readFour(place)] as const
  );
  const word = form === "" ? "One" : "Four";
  return {
    kernel: `matmul${joint ? "_joint" : ""}${form}`,
    sizes: {
      M: m,
      N: n,
      K: k,
      ...joint ? { R: joint.rank, SCALE: joint.scale } : batchSizes(batch),
      ...Object.assign({}, ...operands.map(({ sizes }) => sizes)),
      ...tile.sizes,
    },
    types: Object.fromEntries(
      places.map(([name, { type }]) => [`${word}${name}`, type]),
    ),
    hooks: Object.fromEntries(
      places.flatMap(([name, { body }]) => {
        const operand = name.toLowerCase();
        return body ? [[`read_${operand}`, body.replaceAll("$", operand)]] : [];
      }),
    ),
    workgroups: tile.groups,
    ...(tuning && !like && { tuning }),
  };
}

/** The sizes of the matrix kernels that say who computes what. */
const TILE_SIZES = [
  ...["ROWS", "COLUMNS", "ACROSS", "DOWN", "SPLIT"],
  ...["ROW_BLOCKS", "COLUMN_BLOCKS", "TILE_M", "TILE_N", "TILE_K", "AHEAD"],
  ...["LANES", "VECTORS"],
  ...["BATCHED", "FOLDS"],
];

/** The tiles of another product, unless it reads vectors and this one cannot. */
function likeTile(
  { like, joint }: MatmulRequest,
  rows: boolean,
  vectors: boolean,
): { form: MatmulForm; tile: MatmulTile } | undefined {
  const form = FORMS.find((form) => like?.kernel.endsWith(form)) ?? "";
  const can = form === "" || (form === "_rows" ? rows : vectors);
  // Lanes do not stand below each other where a second product is added.
  if (!like || !can || (joint && form === "_lanes_down")) return undefined;
  const sizes = Object.fromEntries(
    Object.entries(like.sizes).filter(([name]) => TILE_SIZES.includes(name)),
  );
  const { workgroups } = like;
  return typeof workgroups === "number"
    ? { form, tile: { sizes, groups: workgroups } }
    : undefined;
}

const FORMS: readonly MatmulForm[] = [
  ...["_direct", "_lanes", "_lanes_down"] as const,
  ...["_rows", "_split", "_tiled"] as const,
];

/** A form of the kernels and its tiles. */
interface Choice {
  readonly name: string;
  readonly form: MatmulForm;
  readonly tile: MatmulTile;
}

type Axis = readonly [size: number, a: number, b: number];

/** The batch axes, innermost first; axes that lie so are made one. */
function joinAxes({ batch = [], a, b }: MatmulRequest): readonly Axis[] {
  const axes: Axis[] = [];
  for (let axis = batch.length - 1; axis >= 0; axis--) {
    const size = batch[axis]!;
    const [strideA, strideB] = [a.strides[axis]!, b.strides[axis]!];
    if (size === 1) continue;
    const inner = axes.at(-1);
    if (
      inner && strideA === inner[0] * inner[1] &&
      strideB === inner[0] * inner[2]
    ) {
      axes[axes.length - 1] = [inner[0] * size, inner[1], inner[2]];
    } else axes.push([size, strideA, strideB]);
  }
  if (axes.length > 3) {
    throw new RangeError(
      `Cannot multiply matrices over the axes [${batch}] as they lie: at most 3 of them may be apart, copy an operand`,
    );
  }
  return axes;
}

function batchSizes(axes: readonly Axis[]): Record<string, number> {
  return Object.fromEntries(
    axes.flatMap(([size, a, b], axis) => {
      const name = axis === 0 ? "BATCH" : `BATCH${axis + 1}`;
      return [[name, size], [`A_${name}`, a], [`B_${name}`, b]];
    }),
  );
}

function one({ dtype, elements }: MatmulOperand): ReadFour {
  return isQuantized(dtype) ? readQuantized(dtype, elements!).one : ONE[dtype];
}

/** How one element is read, by its type; `$` stands for the operand. */
const ONE: Readonly<Record<MatmulType, ReadFour>> = {
  f32: { type: "f32" },
  f16: { type: "u32", body: "return unpack2x16float($[i / 2u])[i % 2u];" },
  bf16: {
    type: "u32",
    body: "return bitcast<f32>(($[i / 2u] >> (16u * (i % 2u))) << 16u);",
  },
};
