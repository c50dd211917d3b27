import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { biasedAttention } from "./biased_attention.ts";

const SHAPE = [2, 5, 3, 4] as const;
const [BATCH, LENGTH, HEADS, SIZE] = SHAPE;
const LENGTHS = [5, 3];

/** The same by plain loops in float64. */
function plain(
  [q, k, v, bias]: readonly Float64Array[],
): Float64Array {
  const at = (row: number, token: number, head: number) =>
    ((row * LENGTH + token) * HEADS + head) * SIZE;
  const out = new Float64Array(BATCH * LENGTH * HEADS * SIZE);
  for (let row = 0; row < BATCH; row++) {
    for (let head = 0; head < HEADS; head++) {
      for (let query = 0; query < LENGTH; query++) {
        const weights = Array.from({ length: LENGTHS[row]! }, (_, key) => {
          let score = 0;
          for (let d = 0; d < SIZE; d++) {
            score += q![at(row, query, head) + d]! *
              k![at(row, key, head) + d]!;
          }
          const place = (head * LENGTH + query) * LENGTH + key;
          return Math.exp(score / Math.sqrt(SIZE) + bias![place]!);
        });
        const total = weights.reduce((sum, weight) => sum + weight);
        weights.forEach((weight, key) => {
          for (let d = 0; d < SIZE; d++) {
            out[at(row, query, head) + d]! += weight / total *
              v![at(row, key, head) + d]!;
          }
        });
      }
    }
  }
  return out;
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name:
      `biasedAttention() adds to each score, and sees no padding, on ${name}`,
    ignore,
    async fn() {
      const device = await open();
      const values = [
        ...[1, 2, 3].map((seed) => random(SHAPE, seed).values),
        random([1, HEADS, LENGTH, LENGTH], 4).values,
      ];
      const [q, k, v] = values.slice(0, 3).map((part) =>
        device.tensor(part, { shape: SHAPE })
      );
      const result = biasedAttention(q!, k!, v!, {
        bias: device.tensor(values[3]!, { shape: [1, HEADS, LENGTH, LENGTH] }),
        positions: device.tensor(
          Int32Array.from({ length: LENGTH }, (_, i) => i),
        ),
        lengths: device.tensor(Int32Array.from(LENGTHS)),
      });
      assertClose(await result.data(), plain(values));
    },
  });
}
