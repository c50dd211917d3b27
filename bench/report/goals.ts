/** Which contest a ratio belongs to. */
export type Contest = "software" | "gpu" | "wasm" | "native";

type Kind = "lora" | "training" | "matmul" | "rows";

/** How many times as fast as the best of the others Wick is to be. */
const GOALS: Readonly<Record<Contest, Readonly<Record<Kind, number>>>> = {
  software: { lora: 2, training: 2, matmul: 2, rows: 1.2 },
  gpu: { lora: 3, training: 3, matmul: 1, rows: 3 },
  wasm: { lora: 1.5, training: 1.5, matmul: 1, rows: 1 },
  native: { lora: 1 / 1.5, training: 0, matmul: 1 / 1.5, rows: 0 },
};

/**
 * Says how many times as fast as the best of the others Wick is to be.
 *
 * @param contest Where.
 * @param item The item.
 * @returns The ratio; 0 where nothing is wanted.
 */
export function goalOf(contest: Contest, item: string): number {
  // Of products only those of 512 and 1024 are to be faster.
  const kind = kindOf(item);
  if (contest === "software" && /^matmul_(256|2048)$/.test(item)) return 1;
  return GOALS[contest][kind];
}

function kindOf(item: string): Kind {
  if (/^lora_(delta|linear)/.test(item)) return "lora";
  if (item.startsWith("lora_")) return "training";
  return item.startsWith("matmul") ? "matmul" : "rows";
}
