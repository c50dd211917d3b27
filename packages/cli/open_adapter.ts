import {
  combineAdapters,
  type CombineMethod,
  loadAdapter,
  type LoraAdapter,
  type WeightedAdapter,
} from "@wick/lora";
import type { CausalLanguageModel } from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Option } from "./option.ts";
import { UsageError } from "./usage_error.ts";

/** The options of a command that takes an adapter, or several as one. */
export const ADAPTER_OPTIONS: readonly Option[] = [
  {
    name: "adapter",
    value: "DIR",
    repeats: true,
    text: "an adapter of PEFT or mlx-lm; given several times they are combined",
  },
  {
    name: "weights",
    value: "LIST",
    text: "what each of several counts, such as 0.7,0.3; 1 each if absent",
  },
  {
    name: "combine",
    value: "cat|linear",
    text: "how: the exact sum (cat, the default), or of one rank (linear)",
  },
];

/** The adapter that the arguments name, or several and how they are combined. */
export interface AdapterChoice {
  /** The folders, at least one. */
  readonly folders: readonly string[];
  /** What each counts. */
  readonly weights: readonly number[];
  /** How they are combined. */
  readonly method: CombineMethod;
}

/**
 * Reads which adapter is wanted.
 *
 * @param args The arguments.
 * @returns The folders, and how they are combined.
 * @throws {UsageError} If none is named, or the weights do not fit.
 */
export function adapterChoice(args: Arguments): AdapterChoice {
  const folders = args.texts("adapter");
  if (folders.length === 0) throw new UsageError("Cannot do without --adapter");
  const weights = weightsOf(args, folders.length);
  const method = args.choice("combine", ["cat", "linear"]);
  if (folders.length === 1 && (weights || method)) {
    throw new UsageError(
      "Cannot combine one adapter: --weights and --combine are for several",
    );
  }
  return {
    folders,
    weights: weights ?? folders.map(() => 1),
    method: method ?? "cat",
  };
}

/**
 * Loads the adapter that was chosen, or combines those that were.
 *
 * @param model The model.
 * @param choice Which.
 * @returns The adapter, in the model, to be disposed of.
 * @throws {FileFormatError} If a file is missing or wrong.
 * @throws {RangeError} If they cannot be combined.
 */
export async function openAdapter(
  model: CausalLanguageModel,
  { folders, weights, method }: AdapterChoice,
): Promise<LoraAdapter> {
  if (folders.length === 1) return await loadAdapter(model, folders[0]!);
  using opened = new DisposableStack();
  const parts: WeightedAdapter[] = [];
  for (const [index, folder] of folders.entries()) {
    const adapter = opened.use(
      await loadAdapter(model, folder, { insert: false }),
    );
    parts.push({ adapter, weight: weights[index]! });
  }
  return await combineAdapters(parts, { method });
}

function weightsOf(args: Arguments, count: number): number[] | undefined {
  const text = args.filled("weights");
  if (text === undefined) return undefined;
  const weights = text.split(",").map((part) =>
    part.trim() === "" ? NaN : Number(part)
  );
  if (!weights.every(Number.isFinite) || weights.length !== count) {
    throw new UsageError(
      `Cannot take "${text}" as --weights: it must be ${count} numbers with commas between, one for each adapter`,
    );
  }
  return weights;
}
