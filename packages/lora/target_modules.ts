import type { LoraConfig } from "./lora_config.ts";
import { isSavedWhole } from "./saved_weights.ts";

/**
 * Picks the linear layers that a configuration adapts, as PEFT does.
 *
 * @example Usage
 * ```ts
 * import { loraConfig, targetPaths } from "@wick/lora";
 * import { assertEquals } from "@std/assert";
 *
 * const paths = ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.up_proj"];
 * const config = loraConfig({ targetModules: ["q_proj"] });
 * assertEquals(targetPaths(paths, config), [paths[0]]);
 * ```
 *
 * @param paths The paths of all linear layers.
 * @param config The configuration.
 * @returns Those that are adapted, in their order.
 * @throws {RangeError} If there is none, or a target matches no layer.
 */
export function targetPaths(
  paths: Iterable<string>,
  config: LoraConfig,
): string[] {
  const all = [...paths];
  const { targetModules, excludeModules } = config;
  const chosen = all.filter((path) =>
    matches(path, targetModules) && inLayers(path, config) &&
    !(excludeModules !== undefined && matches(path, excludeModules)) &&
    !isSavedWhole(path, config.modulesToSave)
  );
  const idle = typeof targetModules === "string"
    ? []
    : targetModules.filter((target) =>
      !all.some((path) => named(path, target))
    );
  if (chosen.length === 0 || idle.length > 0) {
    const wanted = idle.length > 0 ? idle : [targetModules].flat();
    const ends = new Set(
      all.map((path) => path.slice(path.lastIndexOf(".") + 1)),
    );
    throw new RangeError(
      `Cannot adapt ${
        wanted.map((name) => `"${name}"`).join(", ")
      }: no linear layer matches; there are ${[...ends].join(", ")}`,
    );
  }
  return chosen;
}

function matches(path: string, targets: readonly string[] | string): boolean {
  if (typeof targets !== "string") {
    return targets.some((target) => named(path, target));
  }
  return targets === "all-linear"
    ? path !== "lm_head"
    : wholeExpression(targets).test(path);
}

/** Whether a target is the path or its last parts. */
function named(path: string, target: string): boolean {
  return path === target || path.endsWith(`.${target}`);
}

function wholeExpression(source: string): RegExp {
  // What Python writes otherwise: named groups, both ends, and the first flag.
  const flags = /^\(\?[is]+\)/.exec(source)?.[0] ?? "";
  const body = source.slice(flags.length)
    .replaceAll("(?P<", "(?<").replaceAll(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replaceAll("\\A", "^").replaceAll("\\Z", "$");
  try {
    return new RegExp(`^(?:${body})$`, flags.slice(2, -1));
  } catch {
    throw new RangeError(
      `Cannot adapt "${source}": it is no regular expression; name layers, or use "all-linear"`,
    );
  }
}

function inLayers(
  path: string,
  { layersToTransform, layersPattern }: LoraConfig,
): boolean {
  if (!layersToTransform) return true;
  const patterns = layersPattern === undefined || layersPattern.length === 0
    ? ["[^.]*"]
    : [layersPattern].flat();
  return patterns.some((pattern) => {
    const found = new RegExp(`^.*\\.${pattern}\\.(\\d+)\\.`).exec(path);
    return found !== null && layersToTransform.includes(Number(found[1]));
  });
}
