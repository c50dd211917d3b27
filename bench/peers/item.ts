/** What an item computes. */
export type ItemKind =
  | "delta"
  | "linear"
  | "softmax"
  | "layer_norm"
  | "rms_norm"
  | "matmul"
  | "chain"
  | "gradient"
  | "sgd"
  | "adamw";

/** A piece of work that every peer does. */
export interface Item {
  /** Its name: the kind and the sizes. */
  readonly name: string;
  /** What it computes. */
  readonly kind: ItemKind;
  /** Features in and out, or the rows and columns of a product. */
  readonly size: number;
  /** The rank of the adapter; 0 where there is none. */
  readonly rank: number;
}

/** Rows of `x` in all items of LoRA and of norms. */
export const ROWS = 64;
/** Alpha over rank. */
export const SCALING = 2;
/** The learning rate of the steps of training. */
export const LEARNING_RATE = 0.02;
/** What norms add below the root. */
export const EPSILON = 1e-5;

function lora(kind: ItemKind, size: number, rank: number): Item {
  return { name: `lora_${kind}_${size}_r${rank}`, kind, size, rank };
}

function square(kind: ItemKind, size: number): Item {
  return { name: `${kind}_${size}`, kind, size, rank: 0 };
}

function rows(kind: ItemKind, size: number): Item {
  return { name: `${kind}_${ROWS}x${size}`, kind, size, rank: 0 };
}

/** All items, in the order of the table. */
export const ITEMS: readonly Item[] = [
  ...[4, 8, 16, 32, 64].map((rank) => lora("delta", 512, rank)),
  ...[1024, 2048].map((size) => lora("delta", size, 8)),
  ...[512, 1024, 2048].map((size) => lora("linear", size, 8)),
  rows("softmax", 1024),
  rows("layer_norm", 1024),
  rows("rms_norm", 1024),
  ...[256, 512, 1024, 2048].map((size) => square("matmul", size)),
  { name: "chain_8_1m", kind: "chain", size: 1024, rank: 0 },
  lora("gradient", 512, 8),
  lora("sgd", 512, 8),
  lora("adamw", 512, 8),
];
