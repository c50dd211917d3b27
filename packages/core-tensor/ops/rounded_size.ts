/**
 * Rounds a size up to 1, 1.5, 2, 3, 4, 6, 8 and so on: what is fast for work of
 * one rounded size is fast for all of it.
 *
 * @param size The size.
 * @returns The rounded size; sizes up to 4 as they are.
 */
export function roundedSize(size: number): number {
  if (size <= 4) return size;
  const power = 2 ** Math.ceil(Math.log2(size));
  return size <= 0.75 * power ? 0.75 * power : power;
}
