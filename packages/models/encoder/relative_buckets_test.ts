import { assertEquals } from "@std/assert";
import { relativeBuckets } from "./relative_buckets.ts";

/** The bucket of each distance, from its definition: edges at 8·2^(i/2). */
function bucketOf(distance: number): number {
  if (distance < 8) return distance;
  const edges = [12, 16, 23, 32, 46, 64, 91];
  return 8 + edges.filter((edge) => distance >= edge).length;
}

Deno.test("relativeBuckets() tells near distances apart, and far ones by their logarithm", () => {
  const length = 200;
  const buckets = relativeBuckets(length, 32);
  for (let distance = 0; distance < length; distance++) {
    const bucket = bucketOf(distance);
    // A key before its query, and one after it.
    assertEquals(buckets[distance * length], bucket, `${distance} before`);
    assertEquals(
      buckets[distance],
      distance === 0 ? 0 : 16 + bucket,
      `${distance} after`,
    );
  }
});

Deno.test("relativeBuckets() depends on the distance alone", () => {
  const buckets = relativeBuckets(5, 8);
  assertEquals(Array.from(buckets), [
    ...[0, 5, 6, 6, 6],
    ...[1, 0, 5, 6, 6],
    ...[2, 1, 0, 5, 6],
    ...[2, 2, 1, 0, 5],
    ...[2, 2, 2, 1, 0],
  ]);
});
