/** Distances from here on share the last bucket of their side. */
const FARTHEST = 128;

/**
 * Gives the bucket of the distance of each pair of tokens: half of the buckets
 * for keys before the query, half for those after it, and in each half one for
 * each small distance, then wider ones that grow with the logarithm.
 *
 * @example Usage
 * ```ts ignore
 * assertEquals([...relativeBuckets(2, 32)], [0, 17, 1, 0]);
 * ```
 *
 * @param length The number of tokens.
 * @param count The number of buckets, even.
 * @returns The bucket of each pair, `[query, key]`.
 * @see {@link https://arxiv.org/abs/1910.10683 | T5}, whose buckets MPNet took
 */
export function relativeBuckets(
  length: number,
  count: number,
): Int32Array<ArrayBuffer> {
  const half = Math.floor(count / 2);
  const exact = Math.floor(half / 2);
  const side = Array.from({ length }, (_, distance) => {
    if (distance < exact) return distance;
    // In f32 as PyTorch has it, so that a distance at an edge falls alike.
    const share = Math.fround(
      Math.fround(Math.log(Math.fround(distance / exact))) /
        Math.fround(Math.log(FARTHEST / exact)),
    );
    const far = exact + Math.trunc(Math.fround(share * (half - exact)));
    return Math.min(far, half - 1);
  });
  const buckets = new Int32Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) {
      buckets[query * length + key] = side[Math.abs(key - query)]! +
        (key > query ? half : 0);
    }
  }
  return buckets;
}
