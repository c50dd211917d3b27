import type { LoraConfig } from "./lora_config.ts";

/**
 * Gives the configuration of the plain LoRA adapter that one is equal to: that
 * of PiSSA has twice the rank and the same scaling.
 *
 * @param config The adapter.
 * @returns What is written to files.
 */
export function plainConfig(config: LoraConfig): LoraConfig {
  if (config.init !== "pissa") return config;
  const scale = config.useRslora ? Math.SQRT2 : 2;
  const { rankPattern, alphaPattern } = config;
  return {
    ...config,
    init: "kaiming",
    rank: 2 * config.rank,
    alpha: scale * config.alpha,
    ...(rankPattern && { rankPattern: times(rankPattern, 2) }),
    ...(alphaPattern && { alphaPattern: times(alphaPattern, scale) }),
  };
}

function times(
  numbers: Readonly<Record<string, number>>,
  factor: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(numbers).map(([key, value]) => [key, factor * value]),
  );
}
