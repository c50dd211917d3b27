import type { CausalLanguageModel } from "@wick/models";
import { AdapterMix } from "./adapter_mix.ts";
import { combineAdapters, type CombineOptions } from "./combine_adapters.ts";
import { loadAdapter } from "./load_adapter.ts";
import type { LoraAdapter } from "./lora_adapter.ts";

/** An adapter of a registry. */
export interface RegisteredAdapter {
  /** What it is called. */
  readonly name: string;
  /** Whether the model computes with it. */
  readonly active: boolean;
  /** The adapter. */
  readonly adapter: LoraAdapter;
}

/**
 * The adapters of one model, by name, of which it computes with one or none.
 * All stay on the device, so switching moves nothing and compiles nothing that
 * an adapter of the same ranks and layers has not needed before.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { AdapterRegistry } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const golden = "testdata/conformance";
 * using model = await CausalLanguageModel.load(
 *   device,
 *   `${golden}/models/tiny-llama`,
 * );
 * using registry = new AdapterRegistry(model);
 * await registry.load("narrow", `${golden}/adapters/tiny-llama--qv-r8`);
 * await registry.load("wide", `${golden}/adapters/tiny-llama--rslora-r8`);
 * registry.activate("wide");
 * assertEquals(registry.active, "wide");
 * registry.deactivate();
 * assertEquals(registry.list().map(({ name }) => name), ["narrow", "wide"]);
 * ```
 */
export class AdapterRegistry {
  /** The model that the adapters are for. */
  readonly model: CausalLanguageModel;
  readonly #adapters = new Map<string, LoraAdapter>();
  #active: string | undefined;

  /**
   * Makes a registry without adapters.
   *
   * @param model The model.
   */
  constructor(model: CausalLanguageModel) {
    this.model = model;
  }

  /** The name of the adapter that the model computes with, if any. */
  get active(): string | undefined {
    return this.#active;
  }

  /**
   * Loads an adapter of PEFT or mlx-lm. It is not active.
   *
   * @param name What to call it.
   * @param folder The folder of the adapter.
   * @returns The adapter.
   * @throws {RangeError} If the name is taken.
   * @throws {FileFormatError} If a file is missing or wrong, or the adapter is
   *   one for another model.
   */
  async load(name: string, folder: string): Promise<LoraAdapter> {
    this.#refuseTaken(name);
    const adapter = await loadAdapter(this.model, folder, { insert: false });
    try {
      this.add(name, adapter);
    } catch (error) {
      adapter[Symbol.dispose]();
      throw error;
    }
    return adapter;
  }

  /**
   * Takes over an adapter, which the registry then disposes of. It is not
   * active, even if it was in the model before.
   *
   * @param name What to call it.
   * @param adapter The adapter.
   * @throws {RangeError} If the name is taken or it is for another model.
   */
  add(name: string, adapter: LoraAdapter): void {
    this.#refuseTaken(name);
    if (adapter.model !== this.model) {
      throw new RangeError(
        `Cannot add "${name}": the adapter was made for another model`,
      );
    }
    adapter.eject();
    this.#adapters.set(name, adapter);
  }

  /**
   * Makes an adapter of others of the registry, and takes it over. It is not
   * active.
   *
   * @param name What to call it.
   * @param weights What each of the others counts, by name.
   * @param options How they are combined.
   * @returns The adapter.
   * @throws {RangeError} If the name is taken, there is none of another name, or
   *   they cannot be combined.
   */
  async combine(
    name: string,
    weights: Readonly<Record<string, number>>,
    options: Omit<CombineOptions, "insert"> = {},
  ): Promise<LoraAdapter> {
    this.#refuseTaken(name);
    const parts = Object.entries(weights).map(([other, weight]) => ({
      adapter: this.#get(other, "combine"),
      weight,
    }));
    const adapter = await combineAdapters(parts, { ...options, insert: false });
    this.#adapters.set(name, adapter);
    return adapter;
  }

  /**
   * Puts several adapters into the model at once, of which each row of a batch
   * then has one or none. Until the mix is disposed of, none can be activated.
   *
   * @param names Which, in the order of their numbers; all if absent.
   * @returns The mix, to be disposed of before the registry.
   * @throws {RangeError} If there is none of a name, or one cannot be mixed.
   */
  mix(names: readonly string[] = [...this.#adapters.keys()]): AdapterMix {
    const adapters = Object.fromEntries(
      names.map((name) => [name, this.#get(name, "mix")]),
    );
    this.deactivate();
    return new AdapterMix(this.model, adapters);
  }

  /**
   * Makes the model compute with an adapter, instead of the one before.
   *
   * @param name The name of the adapter.
   * @throws {RangeError} If there is none of that name, or the model has an
   *   adapter that is not of this registry.
   */
  activate(name: string): void {
    const adapter = this.#get(name, "activate");
    const before = this.#active;
    this.deactivate();
    try {
      adapter.insert();
      this.#active = name;
    } catch (error) {
      if (before !== undefined) this.activate(before);
      throw error;
    }
  }

  /** Makes the model compute without any adapter. */
  deactivate(): void {
    if (this.#active === undefined) return;
    this.#adapters.get(this.#active)?.eject();
    this.#active = undefined;
  }

  /**
   * Forgets an adapter and gives its memory back; an active one is deactivated.
   *
   * @param name The name of the adapter.
   * @throws {RangeError} If there is none of that name.
   */
  unload(name: string): void {
    const adapter = this.#get(name, "unload");
    if (this.#active === name) this.deactivate();
    this.#adapters.delete(name);
    adapter[Symbol.dispose]();
  }

  /**
   * Lists the adapters.
   *
   * @returns Them, in the order in which they came.
   */
  list(): RegisteredAdapter[] {
    return [...this.#adapters].map(([name, adapter]) => ({
      name,
      adapter,
      active: name === this.#active,
    }));
  }

  /** Unloads all adapters; the model computes without any. */
  [Symbol.dispose](): void {
    for (const name of [...this.#adapters.keys()]) this.unload(name);
  }

  #get(name: string, what: string): LoraAdapter {
    const adapter = this.#adapters.get(name);
    if (!adapter) {
      const names = [...this.#adapters.keys()].join(", ") || "none";
      throw new RangeError(
        `Cannot ${what} "${name}": the adapters are ${names}`,
      );
    }
    return adapter;
  }

  #refuseTaken(name: string): void {
    if (this.#adapters.has(name)) {
      throw new RangeError(
        `Cannot call an adapter "${name}": another has that name, unload it first`,
      );
    }
  }
}
