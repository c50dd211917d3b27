import type { Tensor } from "@wick/core-tensor";
import {
  adapterNumbers,
  type CausalLanguageModel,
  type RowAdapters,
} from "@wick/models";
import type { LoraAdapter } from "./lora_adapter.ts";
import type { MixedPart } from "./adapter_stack.ts";
import { MixedLinear } from "./mixed_linear.ts";

/**
 * Several adapters in a model at once, of which each row of a batch has one or
 * none. Which row has which is data, so one plan serves every mix. A batch takes
 * as many dispatches as with one adapter, and one more for a layer for which the
 * adapters have so many ranks in all that rows gather their own.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { AdapterMix, loadAdapter } from "@wick/lora";
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
 * using narrow = await load("qv-r8");
 * using wide = await load("all-linear-r4");
 * using mix = new AdapterMix(model, { narrow, wide });
 * const ids = device.tensor(Int32Array.of(5, 6, 5, 6, 5, 6), { shape: [3, 2] });
 * const hidden = model.hidden(ids, { adapters: mix.rows(["wide", null, "narrow"]) });
 * assertEquals(model.logits(hidden).shape, [3, 2, 320]);
 * ```
 */
export class AdapterMix implements RowAdapters {
  /** The model that the adapters are in. */
  readonly model: CausalLanguageModel;
  /** The names of the adapters, by their number. */
  readonly names: readonly string[];
  readonly #layers: ReadonlyMap<string, MixedLinear>;

  /**
   * Puts adapters into a model. Their matrices are copied next to each other
   * once, unless they are trained: then they are read where they lie.
   *
   * @param model The model, without an adapter.
   * @param adapters The adapters by name, at least one; those that are in the
   *   model are taken out.
   * @throws {RangeError} If an adapter is for another model, or is more than A
   *   and B; if another adapter is in the model.
   */
  constructor(
    model: CausalLanguageModel,
    adapters: Readonly<Record<string, LoraAdapter>>,
  ) {
    const entries = Object.entries(adapters);
    if (entries.length === 0) {
      throw new RangeError("Cannot mix no adapters: name at least one");
    }
    for (const [name, adapter] of entries) refuseOthers(model, name, adapter);
    for (const [, adapter] of entries) adapter.eject();
    this.model = model;
    this.names = entries.map(([name]) => name);
    const parts = new Map<string, MixedPart[]>();
    entries.forEach(([, adapter], number) => {
      for (const [path, layer] of adapter.layers) {
        const known = parts.get(path) ?? [];
        parts.set(path, [...known, { number, layer }]);
      }
    });
    for (const [path, [part]] of parts) {
      if (model.linears.get(path) !== part!.layer.base) {
        throw new RangeError(
          `Cannot adapt ${path}: another adapter is in it, eject that first`,
        );
      }
    }
    this.#layers = new Map(
      [...parts].map(([path, of]) => [
        path,
        new MixedLinear(model.device, of[0]!.layer.base, of, entries.length),
      ]),
    );
    for (const [path, layer] of this.#layers) model.replaceLinear(path, layer);
    model.rowAdapters = this;
  }

  /**
   * Makes the tensor that says which adapter each row has. Overwrite it with
   * `device.write` and {@linkcode adapterNumbers} to give rows others.
   *
   * @param names The adapter of each row, by name; `null` for none.
   * @returns Their numbers, `i32 [batch]`.
   * @throws {RangeError} If there is no adapter of a name.
   */
  rows(names: readonly (string | null)[]): Tensor {
    return this.model.device.tensor(adapterNumbers(this, names));
  }

  /**
   * Says which adapter each row has in what is recorded from now on.
   *
   * @param rows The number of each row's adapter, `i32 [batch]`.
   */
  useRows(rows: Tensor | undefined): void {
    for (const layer of this.#layers.values()) layer.rows = rows;
  }

  /** Takes the adapters out of the model; they stay as they are. */
  [Symbol.dispose](): void {
    const { model } = this;
    for (const [path, layer] of this.#layers) {
      if (model.linears.get(path) === layer) {
        model.replaceLinear(path);
      }
      layer[Symbol.dispose]();
    }
    if (model.rowAdapters === this) model.rowAdapters = undefined;
  }
}

/** What cannot be different from row to row is refused. */
function refuseOthers(
  model: CausalLanguageModel,
  name: string,
  adapter: LoraAdapter,
): void {
  const problem = adapter.model !== model
    ? "it was made for another model"
    : adapter.config.useDora
    ? "it is DoRA, which changes the base's part of the result too; run it alone or merge it"
    : [...adapter.layers.values()].some(({ merged }) => merged)
    ? "it is merged into the weights, unmerge it first"
    : adapter.weights.size > 0 || adapter.config.loraBias
    ? "it holds weights or biases beside A and B; run it alone or merge it"
    : adapter.layers.has("lm_head")
    ? "it adapts the output head, which has no rows of a batch; run it alone or merge it"
    : undefined;
  if (problem) throw new RangeError(`Cannot mix "${name}": ${problem}`);
}
