import type { DecoderConfig } from "./decoder_config.ts";

/**
 * Gives the angle by which each pair of a head's features turns from one
 * position to the next, in radians: `theta^(-2i / headDim)`, stretched as the
 * configuration says.
 *
 * @example Usage
 * ```ts
 * import { ropeFrequencies } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const angles = ropeFrequencies({
 *   headDim: 4,
 *   ropeTheta: 10000,
 *   ropeScaling: { type: "linear", factor: 2 },
 * });
 * assertEquals(angles, new Float64Array([1 / 2, 0.01 / 2]));
 * ```
 *
 * @param config The head's width, the base and the scaling.
 * @returns The angles, `[headDim / 2]`.
 * @see {@link https://arxiv.org/abs/2104.09864 | Rotary embedding}, and for
 * `llama3` the reference code of Llama 3.1
 */
export function ropeFrequencies(
  config: Pick<DecoderConfig, "headDim" | "ropeTheta" | "ropeScaling">,
): Float64Array {
  const { headDim, ropeTheta, ropeScaling: scaling } = config;
  const angles = Float64Array.from(
    { length: headDim / 2 },
    (_, i) => ropeTheta ** (-2 * i / headDim),
  );
  switch (scaling.type) {
    case "default":
      return angles;
    case "linear":
      return angles.map((angle) => angle / scaling.factor);
    case "llama3":
      return angles.map((angle) => {
        const waves = scaling.originalMaxPositions * angle / (2 * Math.PI);
        const { lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
        const kept = Math.min(1, Math.max(0, (waves - low) / (high - low)));
        return angle * (kept + (1 - kept) / scaling.factor);
      });
  }
}
