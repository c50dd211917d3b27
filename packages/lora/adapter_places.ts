import { add, cast, type Tensor } from "@wick/core-tensor";
import {
  type CausalLanguageModel,
  Linear,
  type LinearLayer,
} from "@wick/models";
import { detached } from "./detached.ts";
import type { LoraConfig } from "./lora_config.ts";
import { modulePath, savedShape, savedWeights } from "./saved_weights.ts";

/** What an adapter puts into a model beside its layers with A and B. */
export interface AdapterPlaces {
  /** The weights that it holds whole, by their name in the model. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** Those of them that the configuration names, so that they are trained. */
  readonly trained: ReadonlySet<string>;
  /** Linear layers without A and B that have one of these weights, by path. */
  readonly linears: ReadonlyMap<string, LinearLayer>;
  /** Those of these weights that are of no linear layer. */
  readonly others: ReadonlyMap<string, Tensor>;
  /** Gives the layer that one with A and B adapts. */
  base(path: string): LinearLayer;
}

/** Where the weights that an adapter holds whole come from. */
export interface WholeWeights {
  /** Whether they are trained; true if absent. */
  readonly trainable?: boolean;
  /** Given ones by name; the model's if absent. */
  readonly weights?: ReadonlyMap<string, Float32Array>;
}

/**
 * Makes the weights that an adapter holds whole, and the layers that have them.
 *
 * @param model The model.
 * @param config The adapter.
 * @param paths The layers that get A and B.
 * @param options Given weights, and whether they are trained.
 * @returns What is put into the model.
 * @throws {RangeError} If a given weight is missing.
 */
export function findPlaces(
  model: CausalLanguageModel,
  config: LoraConfig,
  paths: readonly string[],
  { weights: given, trainable = true }: WholeWeights,
): AdapterPlaces {
  const trained = new Set(savedWeights(model, config, paths));
  // A file may hold more: PEFT adds an embedding or a head that is adapted.
  const names = new Set([...trained, ...given?.keys() ?? []]);
  const weights = new Map(
    Array.from(names, (name) => [
      name,
      wholeWeight(model, name, given, trainable && trained.has(name)),
    ]),
  );
  const layerWith = (path: string): LinearLayer => {
    const own = model.ownLinears.get(path)!;
    const weight = weights.get(`${path}.weight`);
    const bias = weights.get(`${path}.bias`);
    return weight || bias
      ? new Linear(weight ?? own.weight, bias ?? own.bias)
      : own;
  };
  const linears = new Map<string, LinearLayer>();
  const others = new Map<string, Tensor>();
  for (const [name, weight] of weights) {
    const path = modulePath(name);
    if (!model.ownLinears.has(path)) others.set(name, weight);
    else if (!paths.includes(path)) linears.set(path, layerWith(path));
  }
  return { weights, trained, linears, others, base: layerWith };
}

function wholeWeight(
  model: CausalLanguageModel,
  name: string,
  given: ReadonlyMap<string, Float32Array> | undefined,
  trainable: boolean,
): Tensor {
  const shape = savedShape(model, name);
  if (given) {
    const values = given.get(name);
    if (!values) {
      throw new RangeError(`Cannot adapt ${name}: the adapter has none`);
    }
    return model.device.tensor(values, { shape, trainable });
  }
  const own = model.weights.get(name) ??
    model.ownLinears.get("lm_head")!.weight;
  // The model's own stays as it is.
  using copy = add(cast(own, "f32"), 0);
  return detached(copy, { trainable });
}
