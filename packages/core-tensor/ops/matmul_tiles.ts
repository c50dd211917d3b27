import { laneTiles } from "./matmul_lane_tiles.ts";

/** The part of a matrix kernel's sizes that says who computes what. */
export interface MatmulTile {
  /** Values of the kernel's sizes. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Workgroups. */
  readonly groups: number;
}

/** The sizes of a product of matrices. */
export interface MatmulSizes {
  /** How many products. */
  readonly matrices: number;
  /** Rows of a result. */
  readonly m: number;
  /** Columns of a result. */
  readonly n: number;
  /** The inner size. */
  readonly k: number;
}

/** How eight threads, which run together on llvmpipe, stand in a tile. */
const STANDS = [
  { across: 8, down: 1 },
  { across: 4, down: 2 },
  { across: 2, down: 4 },
  { across: 1, down: 8 },
] as const;

/** Blocks of 4 x 4 results of a thread; more take a second to compile. */
const BLOCKS = [[1, 1], [1, 2], [2, 1], [2, 2], [4, 1], [2, 4], [4, 2], [4, 4]]
  .map(([rows, columns]) => ({ rows: 4 * rows!, columns: 4 * columns! }));

/** Tiles of a kernel for software, with a name. */
export interface SoftwareTile {
  /** A name that no other tiles have. */
  readonly name: string;
  /** The form of the kernel. */
  readonly form: "_direct" | "_lanes" | "_lanes_down";
  /** The tiles. */
  readonly tile: MatmulTile;
  /** How long it takes, as far as a model can tell. */
  readonly cycles: number;
}

/**
 * Gives tiles for a rasteriser on the CPU, from the one that a model of llvmpipe,
 * with loads by vectors, finds the fastest.
 *
 * @param sizes The product.
 * @param lanes The lanes of a subgroup, where kernels can use them.
 * @param joint Whether a second product is added.
 * @returns The tiles, the best first.
 */
export function softwareTiles(
  sizes: MatmulSizes,
  lanes: number | undefined,
  joint: boolean,
): readonly SoftwareTile[] {
  const direct = byCycles(sizes, 27, 32).map((
    { rows, columns, across, down, groups, cycles },
  ): SoftwareTile => ({
    name: `direct ${rows / 4}x${columns / 4} on ${down}x${across}`,
    form: "_direct",
    tile: {
      sizes: {
        ROW_BLOCKS: rows / 4,
        COLUMN_BLOCKS: columns / 4,
        ACROSS: across,
        DOWN: down,
      },
      groups,
    },
    cycles,
  }));
  if (lanes === undefined) return direct;
  return [...laneTiles(sizes, lanes, joint), ...direct]
    .toSorted((a, b) => a.cycles - b.cycles);
}

/**
 * Chooses the tiles of `matmul`, which reads single elements.
 *
 * @param sizes The product.
 * @param adapterClass Whether a GPU or a rasteriser on the CPU runs it.
 * @returns The tiles.
 */
export function scalarTile(
  sizes: MatmulSizes,
  adapterClass: "software" | "gpu",
): MatmulTile {
  const { m, n, matrices } = sizes;
  if (adapterClass === "software") {
    const { rows, columns, across, down, groups } = byCycles(sizes, 45, 45)[0]!;
    return {
      sizes: { ROWS: rows, COLUMNS: columns, ACROSS: across, DOWN: down },
      groups,
    };
  }
  const side = matrices * m * n >= 2 ** 16 ? 4 : 2;
  const rows = Math.min(side, m);
  const across = n >= 16 ? 16 : 4;
  const down = m >= 16 ? 64 / across : 4;
  return {
    sizes: { ROWS: rows, COLUMNS: side, ACROSS: across, DOWN: down },
    groups: matrices * Math.ceil(m / (rows * down)) *
      Math.ceil(n / (side * across)),
  };
}

interface Candidate {
  readonly rows: number;
  readonly columns: number;
  readonly across: number;
  readonly down: number;
  readonly groups: number;
  readonly cycles: number;
}

/**
 * Tiles, those of the fewest cycles of two cores first, by what was measured on
 * llvmpipe of Mesa 22 for eight threads at once: a load, a multiplication with
 * addition, the store of a result, and compiling, spread over a thousand runs.
 */
function byCycles(
  { matrices, m, n, k }: MatmulSizes,
  load: number,
  store: number,
): readonly Candidate[] {
  const candidates = BLOCKS.flatMap(({ rows, columns }) =>
    STANDS.map(({ across, down }): Candidate => {
      const groups = matrices * Math.ceil(m / (rows * down)) *
        Math.ceil(n / (columns * across));
      // Rows past the last are the last again, and read once.
      const loads = Math.min(rows, m) + columns;
      const each = k * (load * loads + 0.65 * rows * columns) +
        store * rows * columns + 2000;
      const compile = (0.08 + 0.0017 * rows * columns) * 3e9 / 1000;
      return {
        rows,
        columns,
        across,
        down,
        groups,
        cycles: Math.ceil(groups / 2) * each + compile,
      };
    })
  );
  return candidates.toSorted((a, b) => a.cycles - b.cycles);
}
