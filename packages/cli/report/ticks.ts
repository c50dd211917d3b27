/**
 * Chooses round numbers that divide a range.
 *
 * @param low The least value.
 * @param high The greatest value.
 * @param count How many are wanted, about.
 * @returns The numbers, rising; at least one.
 */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const rough = span / count / power;
  const step = power *
    (rough < 1.5 ? 1 : rough < 3.5 ? 2 : rough < 7.5 ? 5 : 10);
  const found: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-12); i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found.length > 0 ? found : [low];
}
