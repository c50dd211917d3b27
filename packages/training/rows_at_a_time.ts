/** Rows of the tallest tile of a product: part of one costs as much as all. */
const TILE_ROWS = 64;

/**
 * Shares rows among products that have room for only so many: equal parts, each of
 * whole tiles but the last, if there is room for a tile.
 *
 * @param rows How many there are.
 * @param most For how many there is room.
 * @returns How many at a time.
 */
export function rowsAtATime(rows: number, most: number): number {
  if (rows <= most) return rows;
  const equal = Math.ceil(rows / Math.min(Math.ceil(rows / most), rows));
  if (most < TILE_ROWS) return equal;
  const tiles = Math.min(
    Math.ceil(equal / TILE_ROWS),
    Math.floor(most / TILE_ROWS),
  );
  return tiles * TILE_ROWS;
}
