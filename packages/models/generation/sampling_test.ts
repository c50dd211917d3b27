import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  sampleToken,
  type SamplingOptions,
  tokenProbabilities,
} from "./sampling.ts";
import { uniformSource } from "./uniform_source.ts";

const GOLDEN = new URL(
  "../../../testdata/variants/sampling.json",
  import.meta.url,
);

const LOGITS = Float32Array.of(2, 1, 0, -1, 1.5);

/** The share of draws that each token gets. */
function shares(options: SamplingOptions, history: number[] = []): number[] {
  const uniform = uniformSource(5);
  const counts = new Array<number>(LOGITS.length).fill(0);
  const draws = 4000;
  for (let i = 0; i < draws; i++) {
    counts[sampleToken(LOGITS, options, history, uniform).id]! += 1 / draws;
  }
  return counts;
}

function softmax(scores: readonly number[]): number[] {
  const weights = scores.map(Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

Deno.test("sampleToken() takes the likeliest token at temperature 0", () => {
  const { id, logProbability } = sampleToken(LOGITS, {}, [], () => 0.99);
  assertEquals(id, 0);
  assertAlmostEquals(logProbability, Math.log(softmax([...LOGITS])[0]!), 1e-6);
});

Deno.test("sampleToken() draws by the softmax of the divided logits", () => {
  const want = softmax([...LOGITS].map((logit) => logit / 0.7));
  shares({ temperature: 0.7 }).forEach((share, id) =>
    assertAlmostEquals(share, want[id]!, 0.03)
  );
});

Deno.test("sampleToken() keeps what top-k, top-p and min-p leave", () => {
  const drawn = (options: SamplingOptions): number[] =>
    shares({ temperature: 1, ...options })
      .flatMap((share, id) => share > 0 ? [id] : []);
  assertEquals(drawn({ topK: 2 }), [0, 4]);
  assertEquals(drawn({ topP: 0.5 }), [0, 4]);
  assertEquals(drawn({ topP: 0.01 }), [0]);
  assertEquals(drawn({ minP: 0.3 }), [0, 1, 4]);
  assertEquals(drawn({ topK: 4, minP: 0.5 }), [0, 4]);
});

Deno.test("sampleToken() penalizes a token once, whatever the sign of its logit", () => {
  const logits = Float32Array.of(1, -1, 0.9);
  const greedy = (history: number[]): number =>
    sampleToken(logits, { repetitionPenalty: 2 }, history, () => 0).id;
  assertEquals(greedy([]), 0);
  assertEquals(greedy([0, 0, 0]), 2);
  const negative = Float32Array.of(-1, -1.5);
  const { id } = sampleToken(negative, { repetitionPenalty: 2 }, [0], () => 0);
  assertEquals(id, 1);
});

Deno.test("sampleToken() refuses options outside their range", () => {
  for (
    const options of [
      { temperature: -1 },
      { topK: 0 },
      { topP: 0 },
      { minP: 2 },
      { repetitionPenalty: 0 },
    ]
  ) {
    assertThrows(
      () => sampleToken(LOGITS, options, [], () => 0),
      RangeError,
      "Cannot sample with",
    );
  }
});

Deno.test("tokenProbabilities() are those of transformers for all combinations", async () => {
  const { logits, history, cases } = JSON.parse(
    await Deno.readTextFile(GOLDEN),
  );
  assertEquals(cases.length, 243);
  for (const { options, probabilities } of cases) {
    const name = JSON.stringify(options);
    const got = new Map(
      tokenProbabilities(Float32Array.from(logits), options, history)
        .map(({ id, probability }) => [String(id), probability]),
    );
    // A probability that rounds to zero may be there or not.
    for (const id of new Set([...got.keys(), ...Object.keys(probabilities)])) {
      assertAlmostEquals(
        got.get(id) ?? 0,
        probabilities[id] ?? 0,
        2e-6,
        `token ${id} with ${name}`,
      );
    }
  }
});

Deno.test("sampleToken() draws by the probabilities, filters and penalty together", () => {
  const options = {
    temperature: 0.8,
    topK: 4,
    topP: 0.95,
    minP: 0.1,
    repetitionPenalty: 1.5,
  };
  const want = new Map(
    tokenProbabilities(LOGITS, options, [0, 3])
      .map(({ id, probability }) => [id, probability]),
  );
  assertEquals(want.size > 1, true);
  shares(options, [0, 3]).forEach((share, id) =>
    assertAlmostEquals(share, want.get(id) ?? 0, 0.03)
  );
});

Deno.test("tokenProbabilities() of a large vocabulary are those of sorting all of it", () => {
  const uniform = uniformSource(11);
  const logits = Float32Array.from({ length: 5000 }, () => 12 * uniform());
  const weights = softmax([...logits].map((logit) => logit / 1.1));
  const order = [...logits.keys()]
    .sort((a, b) => weights[b]! - weights[a]! || a - b);
  for (
    const [topK, topP] of [[5000, 0.3], [5000, 0.999], [40, 0.9], [700, 1]]
  ) {
    const first = order.slice(0, topK);
    const whole = first.reduce((sum, id) => sum + weights[id]!, 0);
    let [reached, count] = [0, 0];
    while (count < first.length && reached < topP! * whole) {
      reached += weights[first[count++]!]!;
    }
    const got = tokenProbabilities(logits, {
      temperature: 1.1,
      topK: topK!,
      topP: topP!,
    });
    assertEquals(got.map(({ id }) => id), first.slice(0, count));
    assertAlmostEquals(
      got[0]!.probability,
      weights[first[0]!]! / reached,
      1e-9,
    );
  }
});

Deno.test("sampleToken() refuses logits that are no numbers", () => {
  assertThrows(
    () =>
      sampleToken(Float32Array.of(NaN, NaN), { temperature: 1 }, [], () => 0),
    RangeError,
    "none is a finite number",
  );
});
