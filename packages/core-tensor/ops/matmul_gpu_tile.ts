import type { MatmulSizes, MatmulTile } from "./matmul_tiles.ts";

/** What a workgroup of a GPU may use; what every device has if absent. */
export interface WorkgroupLimits {
  /** Threads at most; 256 if absent. */
  readonly maxWorkgroupThreads?: number;
  /** Bytes of memory at most; 16 KiB if absent. */
  readonly maxWorkgroupBytes?: number;
}

/** A form of the matrix kernels for GPUs, and its tiles. */
export interface GpuTile {
  /** `matmul_tiled` or `matmul_split`. */
  readonly form: "_tiled" | "_split";
  /** The tiles. */
  readonly tile: MatmulTile;
}

/**
 * Chooses the form of a matrix product on a GPU and its tiles, as did best on an
 * NVIDIA H200: large tiles read least, but each core needs one or more.
 *
 * @param sizes The product.
 * @param limits What a workgroup may use.
 * @returns The form and its tiles.
 */
export function gpuTile(sizes: MatmulSizes, limits: WorkgroupLimits): GpuTile {
  const tiled = tiledTile(sizes, limits);
  return tiled
    ? { form: "_tiled", tile: tiled }
    : { form: "_split", tile: splitTile(sizes, limits) };
}

interface Tiles {
  readonly rows: number;
  readonly columns: number;
  /** How much of K a workgroup holds at a time. */
  readonly slice: number;
  /** Blocks of four rows of a thread. */
  readonly down: number;
  /** Blocks of four columns of a thread. */
  readonly across: number;
  /** Teams that share a slice. */
  readonly split: number;
  /** From how many workgroups on the tiles are good. */
  readonly groups: number;
  /** From which inner size on. */
  readonly k: number;
}

/** Tiles of `matmul_tiled`, the best first. */
const TILES: readonly Tiles[] = ([
  [128, 128, 16, 2, 2, 1, 200, 0],
  [64, 64, 16, 2, 1, 1, 400, 0],
  [64, 64, 32, 2, 2, 2, 200, 512],
  [64, 64, 64, 2, 2, 4, 100, 512],
  [64, 64, 32, 2, 2, 2, 100, 512],
  [64, 64, 16, 2, 1, 1, 100, 0],
  [32, 32, 64, 1, 1, 4, 100, 128],
  [32, 32, 32, 1, 1, 2, 100, 64],
  [32, 32, 16, 1, 1, 1, 100, 0],
] as const).map(([rows, columns, slice, down, across, split, groups, k]) => ({
  ...{ rows, columns, slice, down, across, split, groups, k },
}));

function tiledTile(
  sizes: MatmulSizes,
  { maxWorkgroupThreads = 256, maxWorkgroupBytes = 16384 }: WorkgroupLimits,
): MatmulTile | undefined {
  const { m, n, k } = sizes;
  const fits = TILES.filter(({ rows, columns, slice, down, across, split }) =>
    rows / 4 / down * (columns / 4 / across) * split <= maxWorkgroupThreads &&
    slice * (rows + columns) * 4 <= maxWorkgroupBytes
  );
  const enough = m > 16 && n > 16
    ? fits.find((tiles) =>
      k >= tiles.k && groupsOf(sizes, tiles.rows, tiles.columns) >= tiles.groups
    )
    : undefined;
  // There is not enough of a short K to be split.
  const short = k < 64 && m > 8 && n > 8 ? fits.at(-1) : undefined;
  const tiles = enough ?? short;
  return tiles && {
    sizes: {
      TILE_M: tiles.rows,
      TILE_N: tiles.columns,
      TILE_K: tiles.slice,
      ROW_BLOCKS: tiles.down,
      COLUMN_BLOCKS: tiles.across,
      SPLIT: tiles.split,
    },
    groups: groupsOf(sizes, tiles.rows, tiles.columns),
  };
}

function splitTile(
  sizes: MatmulSizes,
  { maxWorkgroupThreads = 256, maxWorkgroupBytes = 16384 }: WorkgroupLimits,
): MatmulTile {
  const { n, k } = sizes;
  const { rowBlocks, columns, share } = splitForm(sizes);
  const across = Math.min(columns, n / 4);
  // Each thread keeps its sums in workgroup memory, 64 bytes a block.
  const threads = Math.min(
    maxWorkgroupThreads,
    Math.floor(maxWorkgroupBytes / (64 * rowBlocks)),
  );
  const most = Math.min(share, threads / across, Math.max(k / 4, 1));
  const split = 2 ** Math.floor(Math.log2(most));
  return {
    sizes: { ROW_BLOCKS: rowBlocks, ACROSS: across, SPLIT: split },
    groups: groupsOf(sizes, 4 * rowBlocks, 4 * across),
  };
}

interface SplitForm {
  /** Blocks of four rows of a thread. */
  readonly rowBlocks: number;
  /** Vectors of four columns of a workgroup. */
  readonly columns: number;
  /** Threads that share K. */
  readonly share: number;
}

/** Fewer threads share K, and each has more results, where there are many. */
function splitForm(sizes: MatmulSizes): SplitForm {
  const groups = groupsOf(sizes, 4, 16);
  if (groups <= 128 && sizes.k >= 512) {
    return { rowBlocks: 1, columns: 4, share: 64 };
  }
  if (groups <= 320) return { rowBlocks: 1, columns: 4, share: 32 };
  if (sizes.n <= 16) return { rowBlocks: 1, columns: 4, share: 16 };
  const rowBlocks = groupsOf(sizes, 8, 32) >= 200 ? 2 : 1;
  return { rowBlocks, columns: 8, share: 16 };
}

function groupsOf(
  { matrices, m, n }: MatmulSizes,
  rows: number,
  columns: number,
): number {
  return matrices * Math.ceil(m / rows) * Math.ceil(n / columns);
}
