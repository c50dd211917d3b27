/**
 * Rounds up to a power of two.
 *
 * @param least A number.
 * @returns The least power of two that is not less than it, at least 1.
 */
export function powerOfTwo(least: number): number {
  let power = 1;
  while (power < least) power *= 2;
  return power;
}
