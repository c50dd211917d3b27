import type { MatmulSizes, SoftwareTile } from "./matmul_tiles.ts";

/** Rows of a workgroup, and vectors of four columns of a lane. */
const ACROSS = [[4, 1], [8, 1], [16, 1], [32, 1], [8, 2], [16, 2]];

/** What takes half a second to compile, for work that takes 10 milliseconds. */
const LARGE = [[64, 1]];
const MUCH = 2 ** 27;

/** Blocks of four rows of a lane, and vectors of four columns of a workgroup. */
const DOWN = [[1, 1], [1, 2], [1, 4], [2, 4]];

/**
 * Gives tiles of `matmul_lanes`, whose lanes stand side by side, and of
 * `matmul_lanes_down`, where they stand one below the other.
 *
 * @param sizes The product.
 * @param lanes The lanes of a subgroup.
 * @param joint Whether a second product is added: then they stand side by side.
 * @returns The tiles, with what they take on llvmpipe.
 */
export function laneTiles(
  { matrices, m, n, k }: MatmulSizes,
  lanes: number,
  joint: boolean,
): readonly SoftwareTile[] {
  const large = !joint && matrices * m * n * k >= MUCH;
  const shapes = large ? [...ACROSS, ...LARGE] : ACROSS;
  const across = shapes.map(([rows, vectors]): SoftwareTile => {
    const groups = matrices * Math.ceil(m / rows!) *
      Math.ceil(n / (4 * vectors! * lanes));
    const loads = Math.ceil(rows! / lanes) + 4 * vectors!;
    return {
      name: `lanes ${rows}x${vectors}`,
      form: "_lanes",
      tile: { sizes: { LANES: lanes, ROWS: rows!, VECTORS: vectors! }, groups },
      cycles: cycles(groups, k, loads, rows! * 4 * vectors!, joint ? 2 : 1),
    };
  });
  if (joint) return across;
  const down = DOWN.map(([blocks, vectors]): SoftwareTile => {
    const groups = matrices * Math.ceil(m / (4 * blocks! * lanes)) *
      Math.ceil(n / (4 * vectors!));
    const loads = 4 * blocks! + Math.ceil(4 * vectors! / lanes);
    return {
      name: `lanes down ${blocks}x${vectors}`,
      form: "_lanes_down",
      tile: {
        sizes: { LANES: lanes, ROW_BLOCKS: blocks!, VECTORS: vectors! },
        groups,
      },
      cycles: cycles(groups, k, loads, 4 * blocks! * 4 * vectors!, 1),
    };
  });
  return [...across, ...down];
}

/**
 * The cycles of two cores, by what was measured on llvmpipe of Mesa 22 for eight
 * lanes at once: a load, a multiplication with addition, the store of a result,
 * and compiling, spread over a thousand runs.
 */
function cycles(
  groups: number,
  k: number,
  loads: number,
  results: number,
  walks: number,
): number {
  const each = k * (19 * loads + (0.6 + 0.0008 * results) * results) +
    20 * results + 2000;
  const compile = 0.03 +
    walks * (0.0013 * results + 0.07 * (results / 256) ** 2);
  return Math.ceil(groups / 2) * each + compile * 3e9 / 1000;
}
