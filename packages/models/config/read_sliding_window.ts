import type { Architecture } from "./architectures.ts";
import type { Fields } from "./fields.ts";

/** How far back attention sees, and where. */
export interface SlidingWindow {
  /** How many tokens back attention sees, or null for all. */
  readonly slidingWindow: number | null;
  /** For each layer, whether the window holds there. */
  readonly slidingWindowLayers: readonly boolean[];
}

/**
 * Reads the sliding window and the layers in which it holds: those that
 * `layer_types` lists, else from `max_window_layers` on where the family has an
 * option for it, else all.
 *
 * @param fields The fields of `config.json`.
 * @param architecture The family.
 * @param layers The number of layers.
 * @returns The window.
 * @throws {FileFormatError} If the window is not positive or the list of layers
 * does not fit.
 */
export function readSlidingWindow(
  fields: Fields,
  architecture: Architecture,
  layers: number,
): SlidingWindow {
  const kind = architecture.slidingWindow;
  const window = fields.integer("sliding_window", { minimum: 0, fallback: 0 });
  const used = window > 0 && kind !== "never" &&
    (kind === "always" || fields.boolean("use_sliding_window", false));
  const first = used && kind === "use_sliding_window"
    ? fields.integer("max_window_layers", { minimum: 0, fallback: 28 })
    : 0;
  const listed = fields.get("layer_types");
  const types: unknown = listed ??
    Array.from(
      { length: layers },
      (_, layer) =>
        used && layer >= first ? "sliding_attention" : "full_attention",
    );
  if (!Array.isArray(types) || types.length !== layers) {
    fields.fail("layer_types", `a list of ${layers} layers`);
  }
  const slidingWindowLayers = types.map((type) => {
    if (type !== "sliding_attention" && type !== "full_attention") {
      fields.fail("layer_types", 'of "full_attention" and "sliding_attention"');
    }
    return used && type === "sliding_attention";
  });
  return {
    slidingWindow: slidingWindowLayers.includes(true) ? window : null,
    slidingWindowLayers,
  };
}
