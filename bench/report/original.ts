import { table } from "./table.ts";

/**
 * Writes what metal-candle, which Wick re-creates, says of itself. Wick has no
 * part in these numbers.
 *
 * @returns Markdown.
 */
export function originalSection(): string {
  return table(
    ["metal-candle, on an Apple GPU, as published by it", "eager", "lazy"],
    [
      ["LoRA forward, 512×512, r 8, batch 4×16×512", "780.93 µs", "660.08 µs"],
      ["graph building", "", "under 10 µs"],
      ["softmax, its kernel against Candle's", "45.61 µs", "39.45 µs"],
      ["RMS norm, its kernel against Candle's", "94.42 µs", "46.92 µs"],
    ],
  );
}
