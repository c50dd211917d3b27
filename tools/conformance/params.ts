import type { JsonObject } from "@wick/models";

/** Checked access to the options of a golden operation. */
export class Params {
  readonly #values: JsonObject;

  /**
   * Wraps the options.
   *
   * @param values `params` of the manifest.
   */
  constructor(values: JsonObject) {
    this.#values = values;
  }

  /** A number. */
  number(name: string, fallback?: number): number {
    const value = this.#values[name] ?? fallback;
    return typeof value === "number" ? value : this.#fail(name, "a number");
  }

  /** Numbers. */
  numbers(name: string): number[] {
    const value = this.#values[name];
    if (!Array.isArray(value)) this.#fail(name, "a list of numbers");
    return value.map((entry: unknown) =>
      typeof entry === "number" ? entry : this.#fail(name, "a list of numbers")
    );
  }

  /** Yes or no. */
  boolean(name: string, fallback: boolean): boolean {
    const value = this.#values[name] ?? fallback;
    return typeof value === "boolean"
      ? value
      : this.#fail(name, "true or false");
  }

  /** One of a few words. */
  choice<T extends string>(name: string, words: readonly T[], fallback: T): T {
    const value = this.#values[name] ?? fallback;
    return words.find((word) => word === value) ??
      this.#fail(name, words.join(" or "));
  }

  /** The axis. */
  axis(): number {
    return this.number("axis");
  }

  /** The axis, or `undefined` for all. */
  axisOrAll(): number | undefined {
    return this.#values["axis"] === null ? undefined : this.axis();
  }

  #fail(name: string, must: string): never {
    throw new RangeError(
      `Cannot use the option "${name}" of ${
        JSON.stringify(this.#values[name])
      }: it must be ${must}`,
    );
  }
}
