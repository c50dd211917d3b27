import { AdapterMix, loadAdapter, type LoraAdapter } from "@wick/lora";
import type { CausalLanguageModel } from "@wick/models";
import { ApiError } from "./api_error.ts";
import type { ServedModel } from "./engine.ts";

/** The names that tasks may call a model by: its own, and its adapters'. */
export class ServedAdapters {
  readonly #model: CausalLanguageModel;
  readonly #baseName: string;
  readonly #adapters = new Map<string, LoraAdapter>();
  #mix: AdapterMix | undefined;

  /**
   * Begins without adapters.
   *
   * @param model The base model.
   * @param baseName What it is called.
   */
  constructor(model: CausalLanguageModel, baseName: string) {
    this.#model = model;
    this.#baseName = baseName;
  }

  /** The models that tasks may name; the base model first. */
  get models(): ServedModel[] {
    return [
      { name: this.#baseName, kind: "base" },
      ...Array.from(
        this.#adapters.keys(),
        (name): ServedModel => ({ name, kind: "adapter" }),
      ),
    ];
  }

  /**
   * Fails if there is no model of a name.
   *
   * @param name The name.
   * @throws {ApiError} With the names that there are.
   */
  require(name: string): void {
    if (name === this.#baseName || this.#adapters.has(name)) return;
    throw new ApiError(
      404,
      `Cannot find the model "${name}": there are ${
        this.models.map((model) => model.name).join(", ")
      }`,
      { param: "model" },
    );
  }

  /**
   * Gives the adapter that a name stands for.
   *
   * @param name The name of a model.
   * @returns The name of the adapter; undefined for the base model.
   */
  adapterOf(name: string): string | undefined {
    return name === this.#baseName ? undefined : name;
  }

  /**
   * Loads an adapter. No text may be being made.
   *
   * @param name What it is called.
   * @param folder Where it is.
   * @throws {ApiError} If the name is taken.
   * @throws {FileFormatError} If a file is missing or wrong.
   * @throws {RangeError} If it cannot run beside others.
   */
  async load(name: string, folder: string): Promise<void> {
    if (name === this.#baseName || this.#adapters.has(name)) {
      throw new ApiError(
        400,
        `Cannot load "${name}": another model has that name, unload it first`,
      );
    }
    const adapter = await loadAdapter(this.#model, folder, { insert: false });
    this.#adapters.set(name, adapter);
    try {
      this.#mixAgain();
    } catch (error) {
      this.#adapters.delete(name);
      adapter[Symbol.dispose]();
      this.#mixAgain();
      throw error;
    }
  }

  /**
   * Forgets an adapter. No text may be being made.
   *
   * @param name What it is called.
   * @throws {ApiError} If there is none of that name.
   */
  unload(name: string): void {
    const adapter = this.#adapters.get(name);
    if (!adapter) {
      throw new ApiError(404, `Cannot unload "${name}": it is no adapter`);
    }
    this.#adapters.delete(name);
    this.#mixAgain();
    adapter[Symbol.dispose]();
  }

  /** Gives the memory of the adapters back. */
  [Symbol.dispose](): void {
    this.#mix?.[Symbol.dispose]();
    this.#mix = undefined;
    for (const adapter of this.#adapters.values()) adapter[Symbol.dispose]();
    this.#adapters.clear();
  }

  #mixAgain(): void {
    this.#mix?.[Symbol.dispose]();
    this.#mix = undefined;
    if (this.#adapters.size === 0) return;
    this.#mix = new AdapterMix(
      this.#model,
      Object.fromEntries(this.#adapters),
    );
  }
}
