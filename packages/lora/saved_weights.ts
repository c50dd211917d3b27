import type { Shape } from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";
import type { LoraConfig } from "./lora_config.ts";

/** The output head, which has a name even where it has no weight of its own. */
const HEAD = "lm_head.weight";

/**
 * Gives the weights of a model that an adapter holds whole: those of
 * `modulesToSave`, and the biases of `bias`.
 *
 * @param model The model.
 * @param config The adapter.
 * @param adapted The paths of the layers that have A and B.
 * @returns The names of the weights, in the model's order.
 * @throws {RangeError} If a module is not in the model.
 */
export function savedWeights(
  model: CausalLanguageModel,
  config: LoraConfig,
  adapted: readonly string[],
): string[] {
  const { modulesToSave = [], bias = "none" } = config;
  const names = [...model.weights.keys()];
  if (!names.includes(HEAD)) names.push(HEAD);
  const idle = modulesToSave.find((module) =>
    !names.some((name) => isPartOf(name, module))
  );
  if (idle !== undefined) {
    throw new RangeError(
      `Cannot train "${idle}" whole: the model has no module whose path ends so; there are lm_head, embed_tokens, norm and those of the layers`,
    );
  }
  return names.filter((name) =>
    modulesToSave.some((module) => isPartOf(name, module)) ||
    (name.endsWith(".bias") &&
      (bias === "all" ||
        (bias === "lora_only" && adapted.includes(modulePath(name)))))
  );
}

/**
 * Tells whether a module is one that an adapter holds whole, or inside one: such
 * a layer gets no A and B.
 *
 * @param path The path of the module.
 * @param modulesToSave The modules that are held whole.
 * @returns Whether it is.
 */
export function isSavedWhole(
  path: string,
  modulesToSave: readonly string[] = [],
): boolean {
  return modulesToSave.some((module) =>
    new RegExp(`(^|.*\\.)${module}($|\\..*)`).test(path)
  );
}

/**
 * Gives the shape of a weight that an adapter may hold whole.
 *
 * @param model The model.
 * @param name The name of the weight.
 * @returns Its shape; that of the embedding for a head that shares it.
 */
export function savedShape(model: CausalLanguageModel, name: string): Shape {
  return model.weights.get(name)?.shape ??
    model.ownLinears.get("lm_head")!.weight.shape;
}

/**
 * Gives the path of the module that a weight is of.
 *
 * @param name The name of the weight.
 * @returns The path.
 */
export function modulePath(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}

/** Whether a weight is of a module, or of one inside it, by the path's end. */
function isPartOf(name: string, module: string): boolean {
  const parts = modulePath(name).split(".");
  return parts.some((_, index) =>
    parts.slice(0, index + 1).join(".").endsWith(module)
  );
}
