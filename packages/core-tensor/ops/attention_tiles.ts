import type { DeviceTraits } from "../operation.ts";
import type { AttentionWork, Threading } from "./attention_threads.ts";

// Threads that have the same rows of a tile of blocks, about, and the most rows
// it has of the other side.
const USUAL_LANES = 16;
const MOST_TILE = 64;
// Rows of a tile, and what a thread scores of the other side at a time. Of 512
// tokens and 14 heads on 2 of 64, causal, 48 µs on an H100 with 32 and 4, 70 with
// 32 and 2, 73 with 16 and 2, 112 with 32 and 1, 88 with 16 and 4. Where a thread
// sums more than four features, 32 and 1 are before 16 and 2: of 1024 tokens and
// 16 heads on 8 of 128, gradient of the keys, 0.84 ms on an H200 beside 1.07.
const NARROW = [[32, 4], [32, 2], [16, 2], [32, 1]] as const;
const WIDE = [[32, 4], [32, 2], [32, 1], [16, 2]] as const;
const MORE_BLOCKS = [[16, 4], [16, 1], [64, 2], [8, 2]] as const;
// With fewer pairs of rows and scores blocks are slower than other tiles: 16 by 1
// takes 1.5 ms for that gradient.
const LEAST_PAIRS = 32;

// A large GPU: as many threads as keep all of it busy.
const MANY_THREADS = 2 ** 17;
/** Rows of the other side that a tiled kernel takes at a time. */
const TILE = 32;

/**
 * Gives the tiles of an attention of many rows that fit into the workgroup memory
 * of a GPU: first the usual ones, none if there is too little memory for any.
 *
 * @param device What the device is like.
 * @param work The attention.
 * @returns The tiles.
 */
export function attentionTiles(
  device: DeviceTraits,
  work: AttentionWork,
): readonly Threading[] {
  const blocks = blockThreadings(device, work);
  const tiles = work.keepsKeys
    ? keyTileThreadings(device, work)
    : tileThreadings(device, work.shared * work.vectors);
  const [usual] = blocks;
  const { ROWS: rows = 0, PAIRS: pairs = 0 } = usual?.sizes ?? {};
  return rows * pairs >= LEAST_PAIRS
    ? [...blocks, ...tiles]
    : [...tiles, ...blocks];
}

/** Tiles of which each thread has blocks of four rows. */
function blockThreadings(
  { maxWorkgroupBytes, maxWorkgroupThreads }: DeviceTraits,
  { vectors, keepsKeys, shared }: AttentionWork,
): Threading[] {
  const divisors = [4, 2, 1].filter((count) => vectors % count === 0);
  const deep = divisors[0]!;
  const width = divisors.toSorted((a, b) =>
    Math.abs(vectors / a - USUAL_LANES) - Math.abs(vectors / b - USUAL_LANES)
  )[0]!;
  const lanes = vectors / width;
  return [...width === 1 ? NARROW : WIDE, ...MORE_BLOCKS]
    .filter(([rows, pairs]) => {
      const [tile, threads] = [pairs * lanes, lanes * rows / 4];
      // Rows, a tile of the other side, what is found for each pair, and for
      // statistics two of each thread.
      const all = shared * vectors * rows +
        tile * (2 * Math.floor(vectors / 2) + 1) +
        (keepsKeys ? 2 : 1) * pairs * threads + (shared > 1 ? 0 : 2) * threads;
      return tile <= MOST_TILE && threads <= maxWorkgroupThreads &&
        16 * all <= maxWorkgroupBytes;
    })
    .map(([rows, pairs]) => ({
      ...{ form: "blocks", rows, threads: lanes * rows / 4 },
      sizes: { ROWS: rows, PAIRS: pairs, WIDTH: width, DEEP: deep },
    }));
}

/** Tiles of queries of which each thread scores one. */
function tileThreadings(
  { maxWorkgroupBytes, maxWorkgroupThreads }: DeviceTraits,
  vectors: number,
): Threading[] {
  // Two numbers for each row of the other side, two for each row.
  const bytes = (rows: number): number =>
    rows * (16 * vectors + 2 * 4 * TILE + 8);
  return [128, 64, 256].flatMap((threads) =>
    [16, 8]
      .filter((rows) =>
        bytes(rows) <= maxWorkgroupBytes && rows * TILE >= threads &&
        threads <= Math.max(128, maxWorkgroupThreads)
      )
      .map((rows): Threading => ({
        ...{ form: "tiled", rows, threads },
        sizes: { ROWS: rows, THREADS: threads },
      }))
  );
}

/** Tiles of keys, with teams where there are few tiles. */
function keyTileThreadings(
  device: DeviceTraits,
  work: AttentionWork,
): Threading[] {
  const { keys, queries, group, parts, batch, kvHeads, vectors, shared } = work;
  const [whole] = tileThreadings(device, shared * vectors);
  if (!whole) return [];
  const { threads } = whole;
  const tilesOf = (rows: number): number =>
    batch * kvHeads * parts * Math.ceil(keys / rows);
  const fits = (rows: number, teams: number): boolean =>
    teams * threads <= device.maxWorkgroupThreads &&
    rows * 32 * vectors + teams * rows * 2 * 4 * TILE +
          (teams - 1) * threads * 16 <= device.maxWorkgroupBytes &&
    // Each has two tiles of queries to walk over.
    teams * 2 * TILE <= queries * group / parts;
  const usual = tilesOf(whole.rows) * threads < MANY_THREADS ? 8 : whole.rows;
  let teams = 1;
  while (
    fits(usual, 2 * teams) && tilesOf(usual) * teams * threads < MANY_THREADS
  ) teams *= 2;
  const others = [16, 8].filter((rows) => rows <= whole.rows).flatMap((rows) =>
    [1, 2, 4, 8].filter((teams) => teams === 1 || fits(rows, teams))
      .map((teams) => [rows, teams] as const)
  );
  return [[usual, teams] as const, ...others].map(([rows, teams]) => ({
    ...{ form: "tiled", rows, threads },
    sizes: { ROWS: rows, THREADS: threads, TEAMS: teams },
  }));
}
