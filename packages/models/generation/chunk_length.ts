// A shape that is new is planned and compiled, so they are few; between two of
// them at most a third is wasted.
const LENGTHS = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512];

// Enough for a GPU to be busy, and what a plan takes in memory stays small.
const MOST_TOKENS = 4096;

/**
 * Gives how many tokens of each prompt are run at once.
 *
 * @param remaining The tokens that the longest prompt has left.
 * @param batch The prompts.
 * @param room The tokens that fit behind each prompt; nothing is run past it.
 * @returns The tokens: as many as remain, or more to have a known shape, or
 *   fewer where the rest is left for another run.
 */
export function chunkLength(
  remaining: number,
  batch: number,
  room: number,
): number {
  const most = LENGTHS.findLast((length) => length * batch <= MOST_TOKENS) ??
    LENGTHS[0]!;
  const wanted = LENGTHS.find((length) => length >= remaining) ?? most;
  const length = Math.min(wanted, most);
  return length <= room
    ? length
    : LENGTHS.findLast((fitting) => fitting <= room) ?? room;
}
