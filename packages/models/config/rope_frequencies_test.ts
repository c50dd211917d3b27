import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { RopeScaling } from "./decoder_config.ts";
import { ropeFrequencies } from "./rope_frequencies.ts";

function frequencies(
  headDim: number,
  ropeTheta: number,
  ropeScaling: RopeScaling,
): number[] {
  return [...ropeFrequencies({ headDim, ropeTheta, ropeScaling })];
}

function assertAllClose(actual: number[], expected: number[]): void {
  assertEquals(actual.length, expected.length);
  expected.forEach((want, i) =>
    assertAlmostEquals(actual[i] ?? NaN, want, 1e-14)
  );
}

Deno.test("ropeFrequencies() falls geometrically from 1", () => {
  assertAllClose(
    frequencies(8, 10000, { type: "default" }),
    [1, 0.1, 0.01, 0.001],
  );
});

Deno.test("ropeFrequencies() divides all by the factor when linear", () => {
  assertAllClose(
    frequencies(8, 10000, { type: "linear", factor: 4 }),
    [0.25, 0.025, 0.0025, 0.00025],
  );
});

Deno.test("ropeFrequencies() divides only long waves for Llama 3", () => {
  // Base 10 000 and 8 features give the angles 1, 0.1, 0.01 and 0.001. A length
  // of 800π holds 400, 40, 4 and 0.4 of their waves. Between 2 and 10 waves the
  // passage is linear in the number of waves: at 4 it is a quarter done, so the
  // angle is 0.01 · (0.25 + 0.75 / 8) = 0.0034375.
  const scaling: RopeScaling = {
    type: "llama3",
    factor: 8,
    lowFrequencyFactor: 2,
    highFrequencyFactor: 10,
    originalMaxPositions: 800 * Math.PI,
  };
  assertAllClose(
    frequencies(8, 10000, scaling),
    [1, 0.1, 0.0034375, 0.000125],
  );
});

Deno.test("ropeFrequencies() agrees with Llama 3.1 at the ends of its passage", () => {
  // Llama 3.1: 128 features, base 500 000. Waves longer than 8192 are divided by
  // 8, those shorter than 2048 stay.
  const plain = frequencies(128, 500000, { type: "default" });
  const scaled = frequencies(128, 500000, {
    type: "llama3",
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalMaxPositions: 8192,
  });
  const ratios = scaled.map((angle, i) => angle / (plain[i] ?? NaN));
  const kept = ratios.filter((ratio) => ratio === 1).length;
  const divided = ratios.filter((ratio) => Math.abs(ratio - 1 / 8) < 1e-15);
  // 2π · 500000^(i / 64) is 1989 at i = 28 and 2441 at 29, 7030 at 34, 8630 at 35.
  assertEquals([kept, divided.length], [29, 64 - 35]);
});
