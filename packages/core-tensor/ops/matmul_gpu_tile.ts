import type { MatmulSizes, MatmulTile } from "./matmul_tiles.ts";

/** What a workgroup of a GPU may use; what every device has if absent. */
export interface WorkgroupLimits {
  /** Threads at most; 256 if absent. */
  readonly maxWorkgroupThreads?: number;
  /** Bytes of memory at most; 16 KiB if absent. */
  readonly maxWorkgroupBytes?: number;
}

/** What is to be multiplied, as far as the choice of a form depends on it. */
export interface GpuSizes extends MatmulSizes {
  /** Whether `matmul_rows` can do it: the rows of a lie one by one. */
  readonly rows?: boolean;
}

/** A form of the matrix kernels for GPUs, and its tiles. */
export interface GpuTile {
  /** A name that no other form and tiles have. */
  readonly name: string;
  /** `matmul_tiled`, `matmul_split` or `matmul_rows`. */
  readonly form: "_tiled" | "_split" | "_rows";
  /** The tiles. */
  readonly tile: MatmulTile;
}

/**
 * Gives the forms of a matrix product on a GPU and their tiles: first the one
 * that did best on an NVIDIA H200 for such sizes, then others that might be
 * better elsewhere, the likelier ones first.
 *
 * @param sizes The product.
 * @param limits What a workgroup may use.
 * @returns The forms, at least one.
 */
export function gpuTiles(
  sizes: GpuSizes,
  limits: WorkgroupLimits,
): readonly GpuTile[] {
  const best = defaultTile(sizes, limits);
  const others = inTurn([
    TILES.filter((tiles) => fits(tiles, limits) && suits(tiles, sizes))
      .sort((a, b) => cost(a, sizes) - cost(b, sizes))
      .map((tiles) => tiledTile(tiles, sizes)),
    splitTiles(sizes, limits),
    rowTiles(sizes, limits),
  ]);
  const names = new Set([best.name]);
  return [
    best,
    ...others.filter(({ name }) => !names.has(name) && names.add(name)),
  ];
}

/** The first of each list, then the second, and so on. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => i)
    .flatMap((i) => lists.flatMap((list) => list.slice(i, i + 1)));
}

function defaultTile(sizes: GpuSizes, limits: WorkgroupLimits): GpuTile {
  const { m, n, k } = sizes;
  if (m === 1 && sizes.rows) return rowTiles(sizes, limits)[0]!;
  const possible = RULES.filter(({ tiles }) => fits(tiles, limits));
  const enough = m > 16 && n > 16
    ? possible.find(({ tiles, groups, least }) =>
      k >= least && groupsOf(sizes, tiles.rows, tiles.columns) >= groups
    )
    : undefined;
  // There is not enough of a short K to be split.
  const short = k < 64 && m > 8 && n > 8 ? possible.at(-1) : undefined;
  const rule = enough ?? short;
  return rule ? tiledTile(rule.tiles, sizes) : splitTiles(sizes, limits)[0]!;
}

/** The tiles of `matmul_tiled`. */
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
  /** Slices that are fetched ahead. */
  readonly ahead: number;
}

function tiles(
  rows: number,
  columns: number,
  slice: number,
  down: number,
  across: number,
  split: number,
  ahead = 1,
): Tiles {
  return { rows, columns, slice, down, across, split, ahead };
}

/** Which tiles are the default, the first that fits: large ones read least. */
const RULES: readonly {
  readonly tiles: Tiles;
  /** From how many workgroups on the tiles are good: each core needs some. */
  readonly groups: number;
  /** From which inner size on. */
  readonly least: number;
}[] = [
  { tiles: tiles(128, 128, 16, 2, 2, 1), groups: 200, least: 0 },
  { tiles: tiles(64, 64, 16, 2, 1, 1), groups: 400, least: 0 },
  { tiles: tiles(64, 64, 32, 2, 2, 2), groups: 200, least: 512 },
  { tiles: tiles(32, 32, 64, 2, 2, 8, 2), groups: 200, least: 8192 },
  { tiles: tiles(64, 64, 64, 2, 2, 4), groups: 100, least: 512 },
  { tiles: tiles(64, 64, 32, 2, 2, 2), groups: 100, least: 512 },
  { tiles: tiles(64, 64, 16, 2, 1, 1), groups: 100, least: 0 },
  { tiles: tiles(32, 32, 64, 1, 1, 4, 2), groups: 100, least: 512 },
  { tiles: tiles(32, 32, 64, 1, 1, 4), groups: 100, least: 128 },
  { tiles: tiles(32, 32, 32, 1, 1, 2), groups: 100, least: 64 },
  { tiles: tiles(32, 32, 16, 1, 1, 1), groups: 100, least: 0 },
];

/** All tiles that are worth a try: each was the best of something once. */
const TILES: readonly Tiles[] = [
  tiles(128, 128, 16, 2, 2, 1),
  tiles(128, 64, 16, 2, 2, 1),
  tiles(64, 128, 16, 2, 2, 1),
  tiles(64, 64, 16, 2, 2, 1),
  tiles(64, 64, 16, 2, 1, 1),
  tiles(64, 64, 32, 2, 2, 2),
  tiles(64, 64, 32, 2, 2, 4),
  tiles(64, 64, 64, 2, 2, 4),
  tiles(64, 32, 32, 2, 2, 4),
  tiles(64, 32, 64, 2, 1, 2),
  tiles(32, 64, 32, 2, 2, 4),
  tiles(32, 64, 64, 1, 2, 4),
  tiles(32, 32, 16, 1, 1, 1),
  tiles(32, 32, 32, 1, 1, 2),
  tiles(32, 32, 64, 1, 1, 4),
  tiles(32, 32, 64, 1, 1, 4, 2),
  tiles(32, 32, 64, 2, 2, 8),
  tiles(32, 32, 64, 2, 2, 8, 2),
  tiles(32, 32, 128, 1, 1, 8),
  tiles(32, 16, 64, 1, 1, 8),
  tiles(16, 32, 64, 1, 1, 8),
];

function threadsOf({ rows, columns, down, across, split }: Tiles): number {
  return rows / 4 / down * (columns / 4 / across) * split;
}

function fits(
  tiles: Tiles,
  { maxWorkgroupThreads = 256, maxWorkgroupBytes = 16384 }: WorkgroupLimits,
): boolean {
  const { rows, columns, slice } = tiles;
  return threadsOf(tiles) <= maxWorkgroupThreads &&
    slice * (rows + columns) * 4 <= maxWorkgroupBytes;
}

/** Whether most of a tile has something to do. */
function suits({ rows, columns, slice }: Tiles, sizes: GpuSizes): boolean {
  const { m, n, k } = sizes;
  return rows < 2 * Math.max(m, 9) && columns < 2 * Math.max(n, 9) &&
    slice < 2 * Math.max(k, 9);
}

// A large GPU, for which the order of the candidates is meant.
const CORES = 132;
const BUSY = 512;

/** How long tiles might take, in parts of the least time. */
function cost(tiles: Tiles, sizes: GpuSizes): number {
  const { rows, columns, down, across } = tiles;
  const { matrices, m, n } = sizes;
  const groups = groupsOf(sizes, rows, columns);
  const waste = groups * rows * columns / (matrices * m * n);
  const used = Math.min(1, groups / CORES) *
    Math.min(1, groups * threadsOf(tiles) / (CORES * BUSY)) ** 0.5;
  return waste / used * (1 + 2 * (down + across) / (4 * down * across));
}

function tiledTile(tiles: Tiles, sizes: GpuSizes): GpuTile {
  const { rows, columns, slice, down, across, split, ahead } = tiles;
  return {
    name:
      `tiled ${rows}x${columns}x${slice} ${down}x${across} split ${split} ahead ${ahead}`,
    form: "_tiled",
    tile: {
      sizes: {
        TILE_M: rows,
        TILE_N: columns,
        TILE_K: slice,
        ROW_BLOCKS: down,
        COLUMN_BLOCKS: across,
        SPLIT: split,
        AHEAD: ahead,
      },
      groups: groupsOf(sizes, rows, columns),
    },
  };
}

/** Tiles of `matmul_split`, the default first. */
function splitTiles(
  sizes: GpuSizes,
  limits: WorkgroupLimits,
): readonly GpuTile[] {
  const { rowBlocks, columns, share } = splitForm(sizes);
  const across = Math.min(columns, sizes.n / 4);
  const allThreads = (
    blocks: number,
    vectors: number,
    threads: number,
  ): number => groupsOf(sizes, 4 * blocks, 4 * vectors) * vectors * threads;
  // How far they are from filling a large GPU once.
  const far = (form: readonly [number, number, number]): number =>
    Math.abs(Math.log(allThreads(...form) / (CORES * 2 * BUSY)));
  const others = [1, 2].flatMap((blocks) =>
    [1, 2, 4, 8, 16].flatMap((vectors) =>
      [8, 16, 32, 64, 128].map((threads) => [blocks, vectors, threads] as const)
    )
  ).filter(([blocks, vectors, threads]) => {
    const all = allThreads(blocks, vectors, threads);
    return vectors <= Math.max(1, sizes.n / 4) && 4 * (blocks - 1) < sizes.m &&
      vectors * threads >= 32 && vectors * threads <= 256 &&
      4 * threads < 2 * sizes.k && all >= 2 ** 13 && all <= 2 ** 20;
  }).sort((a, b) => far(a) - far(b));
  return [[rowBlocks, across, share] as const, ...others].map((form) =>
    splitTile(sizes, limits, form)
  );
}

function splitTile(
  sizes: GpuSizes,
  { maxWorkgroupThreads = 256, maxWorkgroupBytes = 16384 }: WorkgroupLimits,
  [rowBlocks, across, share]: readonly [number, number, number],
): GpuTile {
  // Each thread keeps its sums in workgroup memory, 64 bytes a block.
  const threads = Math.min(
    maxWorkgroupThreads,
    Math.floor(maxWorkgroupBytes / (64 * rowBlocks)),
  );
  const most = Math.min(share, threads / across, Math.max(sizes.k / 4, 1));
  const split = 2 ** Math.floor(Math.log2(most));
  return {
    name: `split ${rowBlocks}x${across} split ${split}`,
    form: "_split",
    tile: {
      sizes: { ROW_BLOCKS: rowBlocks, ACROSS: across, SPLIT: split },
      groups: groupsOf(sizes, 4 * rowBlocks, 4 * across),
    },
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
function splitForm(sizes: GpuSizes): SplitForm {
  const groups = groupsOf(sizes, 4, 16);
  if (sizes.m <= 8 && sizes.k >= 512) {
    return { rowBlocks: 1, columns: 2, share: 64 };
  }
  if (groups <= 128 && sizes.k >= 512) {
    return { rowBlocks: 1, columns: 4, share: 64 };
  }
  // Few rows of many columns: [64, 512] to [64, 1024].
  if (sizes.m <= 64 && groups > 320 && groups <= 1024 && sizes.k >= 512) {
    return { rowBlocks: 1, columns: groups <= 512 ? 4 : 8, share: 32 };
  }
  if (groups <= 320) return { rowBlocks: 1, columns: 4, share: 32 };
  if (sizes.n <= 16) return { rowBlocks: 1, columns: 4, share: 16 };
  const rowBlocks = groupsOf(sizes, 8, 32) >= 200 ? 2 : 1;
  return { rowBlocks, columns: 8, share: 16 };
}

/** From how few sums on they are added in one round. */
const ONE_ROUND = 16;

/** Tiles of `matmul_rows`, the default first; none where it cannot be. */
function rowTiles(
  sizes: GpuSizes,
  { maxWorkgroupThreads = 256, maxWorkgroupBytes = 16384 }: WorkgroupLimits,
): readonly GpuTile[] {
  const { m, n, k } = sizes;
  if (!sizes.rows || m > 8) return [];
  const rows = Math.min(m, 4);
  const forms = ([
    k >= 2048 ? [2, 64, 1] : [1, 64, 1],
    [4, 16, 1],
    [2, 32, 1],
    [1, 64, 1],
    [4, 32, 1],
    [8, 16, 1],
    [8, 32, 1],
    [16, 8, 1],
    [2, 64, 1],
    [1, 128, 1],
    [4, 16, 2],
    [2, 32, 2],
    [8, 16, 2],
    [8, 32, 2],
    [32, 8, 1],
  ] as const).map(([columns, share, batched]) => {
    const across = Math.min(columns, n / 4);
    const threads = Math.min(
      maxWorkgroupThreads,
      Math.floor(maxWorkgroupBytes / (16 * rows)),
    );
    const most = Math.min(share, threads / across, Math.max(k / 4, 1));
    const split = 2 ** Math.floor(Math.log2(most));
    return { across, split, batched };
  });
  return forms.map(({ across, split, batched }) => ({
    name: `rows ${rows}x${across} split ${split} batched ${batched}`,
    form: "_rows",
    tile: {
      sizes: {
        ROWS: rows,
        ACROSS: across,
        SPLIT: split,
        BATCHED: batched,
        FOLDS: split > ONE_ROUND ? 8 : 1,
      },
      groups: groupsOf(sizes, rows, 4 * across),
    },
  }));
}

function groupsOf(
  { matrices, m, n }: MatmulSizes,
  rows: number,
  columns: number,
): number {
  return matrices * Math.ceil(m / rows) * Math.ceil(n / columns);
}
