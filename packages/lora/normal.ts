/**
 * Draws a normal number, from two uniform ones by Box and Muller.
 *
 * @param uniform Gives numbers from 0 to less than 1.
 * @returns The number, of mean 0 and deviation 1.
 */
export function normal(uniform: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}
