import type { TunableWork } from "@wick/async-exec";
import type { TunedItem } from "./tuned_item.ts";
import type { DType } from "@wick/core-tensor";
import { JOINT_MATMUL, MATMUL } from "@wick/core-tensor/ops";
import { readModelConfig, weightShapes } from "@wick/models";

/** A product of matrices that `wick tune` measures. */
export interface TunedProduct {
  /** What it is for. */
  readonly name: string;
  /** Rows of the result. */
  readonly m: number;
  /** Columns of the result. */
  readonly n: number;
  /** The inner size. */
  readonly k: number;
  /** The inner size of a second product that is added; none if absent. */
  readonly rank?: number;
  /** Which operands lie column by column: of `a·b` or `a·b + c·d`. */
  readonly transposed?: readonly ("a" | "b" | "c" | "d")[];
  /** The element type of weights; `f32` if absent. */
  readonly weight?: DType;
}

/** What products are listed for. */
export interface ProductOptions {
  /** Tokens of a batch in training, or of a prompt. */
  readonly tokens: number;
  /** The rank of adapters. */
  readonly rank: number;
  /** How weights are stored. */
  readonly weight: DType;
}

/**
 * Lists the products of a linear layer with an adapter: one token, many tokens,
 * and their gradients.
 *
 * @param name What the layer is.
 * @param inFeatures The features that go in.
 * @param outFeatures The features that come out.
 * @param options Tokens and rank.
 * @returns The products.
 */
export function linearProducts(
  name: string,
  inFeatures: number,
  outFeatures: number,
  { tokens, rank, weight }: ProductOptions,
): TunedProduct[] {
  const [n, k] = [outFeatures, inFeatures];
  const [b, dx] = [["b"], ["b", "d"]] as const;
  return [
    { name: `${name}, one token`, m: 1, n, k, transposed: b, weight },
    {
      name: `${name}, one token, LoRA`,
      m: 1,
      n,
      k,
      rank,
      transposed: b,
      weight,
    },
    { name: `${name}, tokens`, m: tokens, n, k, transposed: b, weight },
    { name: `${name}, LoRA`, m: tokens, n, k, rank, transposed: b, weight },
    { name: `${name}, x·A`, m: tokens, n: rank, k },
    { name: `${name}, dh`, m: tokens, n: rank, k: n, transposed: b },
    { name: `${name}, dA`, m: k, n: rank, k: tokens, transposed: ["a"] },
    { name: `${name}, dB`, m: rank, n, k: tokens, transposed: ["a"] },
    {
      ...{ name: `${name}, dx`, m: tokens, n: k, k: rank, rank: n },
      ...{ transposed: dx.slice(0, 1), weight },
    },
  ];
}

/**
 * Lists the products of a model: its different linear layers, and its head.
 *
 * @param folder The folder of the model.
 * @param options Tokens and rank.
 * @returns The products.
 * @throws {FileFormatError} If its configuration is missing or wrong.
 */
export async function modelProducts(
  folder: string,
  options: ProductOptions,
): Promise<TunedProduct[]> {
  const config = await readModelConfig(folder);
  const { tokens, weight } = options;
  const known = new Set<string>();
  const products: TunedProduct[] = [];
  for (const [name, [n, k]] of weightShapes(config)) {
    const layer = /\.layers\.0\.(.*)\.weight$/.exec(name)?.[1];
    if (!layer || n === undefined || k === undefined) continue;
    if (known.has(`${n} ${k}`)) continue;
    known.add(`${n} ${k}`);
    products.push(...linearProducts(layer, k, n, options));
  }
  const { hiddenSize: k, vocabularySize: n } = config;
  const head = { n, k, transposed: ["b"], weight } as const;
  return [
    ...products,
    { name: "head, one token", m: 1, ...head },
    { name: "head, tokens", m: tokens, ...head },
    { name: "head, dx", m: tokens, n: k, k: n, weight },
  ];
}

/**
 * Lists products of usual sizes, for any model.
 *
 * @param largest The largest side of a square matrix.
 * @param options Tokens and rank.
 * @returns The products.
 */
export function usualProducts(
  largest: number,
  options: ProductOptions,
): TunedProduct[] {
  const sides = [256, 512, 1024, 2048, 4096].filter((side) => side <= largest);
  return [
    ...sides.map((side) => ({ name: "square", m: side, n: side, k: side })),
    ...sides.filter((side) => side >= 512 || side === largest)
      .flatMap((side) => linearProducts("linear", side, side, options)),
  ];
}

/**
 * Gives a product as something to tune.
 *
 * @param product The product.
 * @returns Its name, its sizes and its work.
 */
export function productItem(product: TunedProduct): TunedItem {
  const { name, m, n, k, rank } = product;
  const sizes = `${m}x${n}x${k}${rank === undefined ? "" : `+${rank}`}`;
  const operations = 2 * m * n * (k + (rank ?? 0));
  return { name, sizes, work: workOf(product), operations };
}

/**
 * Describes a product as work that a device can measure.
 *
 * @param product The product.
 * @returns The work.
 */
export function workOf(product: TunedProduct): TunableWork {
  const { m, n, k, rank, transposed = [], weight = "f32" } = product;
  const matrix = (
    name: "a" | "b" | "c" | "d",
    rows: number,
    columns: number,
    dtype: DType = "f32",
  ): TunableWork["operands"][number] => ({
    dtype,
    view: {
      shape: [rows, columns],
      strides: transposed.includes(name) ? [1, rows] : [columns, 1],
      offset: 0,
    },
  });
  // In dx the weight is the right matrix of the second product.
  const late = rank !== undefined && rank > k;
  const operands = [
    matrix("a", m, k),
    matrix("b", k, n, late ? "f32" : weight),
    ...rank === undefined
      ? []
      : [matrix("c", m, rank), matrix("d", rank, n, late ? weight : "f32")],
  ];
  const shape = { operands, shape: [m, n], dtype: "f32" } as const;
  return rank === undefined
    ? { operation: MATMUL, attributes: undefined, ...shape }
    : { operation: JOINT_MATMUL, attributes: { scale: 2 }, ...shape };
}
