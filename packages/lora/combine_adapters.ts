import type { CausalLanguageModel } from "@wick/models";
import { LoraAdapter, type LoraMatrices } from "./lora_adapter.ts";
import { loraConfig } from "./lora_config.ts";
import type { LoraLinear } from "./lora_linear.ts";
import { targetPaths } from "./target_modules.ts";

/** An adapter, and how much of it is wanted. */
export interface WeightedAdapter {
  /** The adapter. */
  readonly adapter: LoraAdapter;
  /** What it counts; may be negative. */
  readonly weight: number;
}

/**
 * How adapters are combined, as PEFT's `add_weighted_adapter` does: `"cat"` puts
 * their ranks beside each other, which gives exactly the weighted sum of what
 * they add; `"linear"` adds up their matrices, which keeps the rank and mixes
 * the adapters where their matrices are alike.
 */
export type CombineMethod = "cat" | "linear";

/** Options of {@linkcode combineAdapters}. */
export interface CombineOptions {
  /** How; `"cat"` if absent. */
  readonly method?: CombineMethod;
  /** Whether the model computes with the result at once; true if absent. */
  readonly insert?: boolean;
}

/**
 * Makes one plain LoRA adapter of several.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { combineAdapters, loadAdapter } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const golden = "testdata/conformance";
 * using model = await CausalLanguageModel.load(
 *   device,
 *   `${golden}/models/tiny-llama`,
 * );
 * const load = (variant: string) =>
 *   loadAdapter(model, `${golden}/adapters/tiny-llama--${variant}`, {
 *     insert: false,
 *   });
 * using first = await load("qv-r8");
 * using second = await load("all-linear-r4");
 * using both = await combineAdapters([
 *   { adapter: first, weight: 0.7 },
 *   { adapter: second, weight: 0.3 },
 * ]);
 * assertEquals(both.config.rank, 12);
 * ```
 *
 * @param adapters The adapters, of one model, and what each counts.
 * @param options How.
 * @returns The adapter; those that it is made of stay as they are.
 * @throws {RangeError} If there is none, they are of different models, are more
 *   than A and B, or their ranks differ where they must not.
 */
export async function combineAdapters(
  adapters: readonly WeightedAdapter[],
  options: CombineOptions = {},
): Promise<LoraAdapter> {
  const { method = "cat", insert = true } = options;
  const [first] = adapters;
  if (!first) {
    throw new RangeError("Cannot combine no adapters: name at least one");
  }
  const { model } = first.adapter;
  for (const { adapter, weight } of adapters) {
    refuseOthers(model, adapter, weight);
  }
  const paths = [...model.ownLinears.keys()].filter((path) =>
    adapters.some(({ adapter }) => adapter.layers.has(path))
  );
  const ranks = adapters.map(({ adapter: { layers } }) =>
    Math.max(...Array.from(layers.values(), ({ plain }) => plain.rank))
  );
  const rank = method === "cat"
    ? ranks.reduce((total, of) => total + of, 0)
    : ranks[0]!;
  const matrices = new Map<string, LoraMatrices>();
  for (const path of paths) {
    const parts: Part[] = [];
    for (const { adapter, weight } of adapters) {
      const layer = adapter.layers.get(path);
      if (layer) parts.push(await readPart(layer, weight));
    }
    const { inFeatures, outFeatures } = model.ownLinears.get(path)!;
    matrices.set(
      path,
      method === "cat"
        ? beside(parts, rank, inFeatures, outFeatures)
        : added(parts, rank, path),
    );
  }
  const config = loraConfig({
    rank,
    alpha: rank,
    targetModules: shortTargets(paths, model),
  });
  return LoraAdapter.inject(model, config, {
    matrices,
    insert,
    trainable: false,
  });
}

/** The matrices of an adapter for a layer, and their factor. */
interface Part {
  readonly rank: number;
  readonly a: ArrayLike<number>;
  readonly b: ArrayLike<number>;
  /** Weight times scaling. */
  readonly factor: number;
}

async function readPart(layer: LoraLinear, weight: number): Promise<Part> {
  const { a, b, rank } = layer.plain;
  return {
    rank,
    a: await a.data(),
    b: await b.data(),
    factor: weight * layer.config.scaling,
  };
}

/** Ranks beside each other, A scaled; those that are left are zero. */
function beside(
  parts: readonly Part[],
  rank: number,
  inFeatures: number,
  outFeatures: number,
): LoraMatrices {
  const a = new Float32Array(inFeatures * rank);
  const b = new Float32Array(rank * outFeatures);
  let first = 0;
  for (const part of parts) {
    for (let i = 0; i < part.a.length; i++) {
      const row = Math.floor(i / part.rank);
      a[row * rank + first + i % part.rank] = part.factor * part.a[i]!;
    }
    b.set(part.b, first * outFeatures);
    first += part.rank;
  }
  return { a, b };
}

/** Sums of matrices, each with the root of its factor, the sign in A. */
function added(
  parts: readonly Part[],
  rank: number,
  path: string,
): LoraMatrices {
  const other = parts.find((part) => part.rank !== rank);
  if (other) {
    throw new RangeError(
      `Cannot add up matrices of rank ${rank} and ${other.rank}, in ${path}: all must have one rank, or use "cat"`,
    );
  }
  const [{ a, b }] = [parts[0]!];
  const sum = (
    length: number,
    of: (part: Part, i: number) => number,
  ): Float32Array =>
    Float32Array.from(
      { length },
      (_, i) => parts.reduce((total, part) => total + of(part, i), 0),
    );
  return {
    a: sum(
      a.length,
      (part, i) =>
        Math.sign(part.factor) * Math.sqrt(Math.abs(part.factor)) * part.a[i]!,
    ),
    b: sum(
      b.length,
      (part, i) => Math.sqrt(Math.abs(part.factor)) * part.b[i]!,
    ),
  };
}

/** The last names of layers where they mean the same layers, else the paths. */
function shortTargets(
  paths: readonly string[],
  model: CausalLanguageModel,
): string[] {
  const targetModules = [
    ...new Set(paths.map((path) => path.slice(path.lastIndexOf(".") + 1))),
  ];
  const meant = targetPaths(
    model.ownLinears.keys(),
    loraConfig({ targetModules }),
  );
  return meant.length === paths.length ? targetModules : [...paths];
}

function refuseOthers(
  model: CausalLanguageModel,
  adapter: LoraAdapter,
  weight: number,
): void {
  const { config, weights } = adapter;
  const problem = adapter.model !== model
    ? "adapters of different models"
    : !Number.isFinite(weight)
    ? `with a weight of ${weight}`
    : config.useDora
    ? "a DoRA adapter, whose row lengths do not add up; merge it"
    : config.loraBias || weights.size > 0
    ? "an adapter that holds weights or biases beside A and B; merge it"
    : undefined;
  if (problem) throw new RangeError(`Cannot combine ${problem}`);
}
