import type { LoraConfig } from "./lora_config.ts";

/** The ranks that every tool has kernels for. */
const USUAL_RANKS: readonly number[] = [8, 16, 32, 64];

/**
 * Says what keeps an adapter from being accepted by every tool that reads PEFT's
 * files, such as vLLM and llama.cpp's converter: they want plain LoRA of a usual
 * rank.
 *
 * @example Usage
 * ```ts
 * import { loraConfig, portability } from "@wick/lora";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(portability(loraConfig({ rank: 16 })), []);
 * assertEquals(portability(loraConfig({ rank: 4 })), [
 *   "rank 4, where 8, 16, 32 or 64 is usual",
 * ]);
 * ```
 *
 * @param config The adapter.
 * @returns What is unusual; nothing if every tool takes it.
 */
export function portability(config: LoraConfig): string[] {
  const { bias = "none", modulesToSave = [], rankPattern = {} } = config;
  const ranks = [...new Set([config.rank, ...Object.values(rankPattern)])];
  const targets = [config.targetModules].flat();
  const unusual = [
    [config.useDora, "DoRA"],
    [config.init === "pissa", "PiSSA that was not converted to plain LoRA"],
    [bias !== "none", `trained biases ("${bias}")`],
    [config.loraBias, "a bias of B"],
    [
      modulesToSave.length > 0,
      `weights held whole (${modulesToSave.join(", ")})`,
    ],
    [
      targets.some((target) => /(^|\.)(lm_head|embed_tokens)$/.test(target)),
      "an adapted embedding or output head",
    ],
  ] as const;
  return [
    ...unusual.flatMap(([found, text]) => found ? [text] : []),
    ...ranks.filter((rank) => !USUAL_RANKS.includes(rank))
      .map((rank) => `rank ${rank}, where 8, 16, 32 or 64 is usual`),
  ];
}
