import { FileFormatError } from "../files/file_format_error.ts";
import { type JsonObject, quoted } from "../files/read_json.ts";

/** The bounds of a number, and what it is when absent or null. */
export interface NumberRule {
  /** The least value allowed. */
  readonly minimum: number;
  /** The greatest value allowed; for whole numbers 2³¹ - 1 if absent. */
  readonly maximum?: number;
  /** The value where the file has none; an error if absent. */
  readonly fallback?: number;
}

const MAXIMUM = 2 ** 31 - 1;

/** Checked access to the fields of a JSON object of a file. */
export class Fields {
  /** The file, for messages. */
  readonly path: string;
  /** The object as it stands. */
  readonly values: JsonObject;
  readonly #prefix: string;

  /**
   * Wraps an object.
   *
   * @param path The file.
   * @param values The object.
   * @param prefix What stands before a field's name in messages.
   */
  constructor(path: string, values: JsonObject, prefix = "") {
    this.path = path;
    this.values = values;
    this.#prefix = prefix;
  }

  /** The value of a field; undefined where it is absent or null. */
  get(name: string): unknown {
    return this.values[name] ?? undefined;
  }

  /** Throws that a field is not what it must be. */
  fail(name: string, must: string): never {
    const value = this.values[name];
    const found = value === undefined
      ? "is missing"
      : `is ${JSON.stringify(value).slice(0, 80)}`;
    throw new FileFormatError(
      this.path,
      `${quoted(this.#prefix + name)} ${found}: it must be ${must}`,
    );
  }

  /** A whole number. */
  integer(name: string, rule: NumberRule): number {
    const { minimum, maximum = MAXIMUM, fallback } = rule;
    const value = this.get(name) ?? fallback;
    if (
      typeof value !== "number" || !Number.isInteger(value) ||
      value < minimum || value > maximum
    ) this.fail(name, `a whole number from ${minimum} to ${maximum}`);
    return value;
  }

  /** A finite number greater than the minimum. */
  number(name: string, rule: NumberRule): number {
    const { minimum, maximum = Infinity, fallback } = rule;
    const value = this.get(name) ?? fallback;
    if (
      typeof value !== "number" || !Number.isFinite(value) ||
      value <= minimum || value > maximum
    ) this.fail(name, `a number greater than ${minimum}`);
    return value;
  }

  /** Yes or no. */
  boolean(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    if (typeof value !== "boolean") this.fail(name, "true or false");
    return value;
  }

  /** A text, or undefined where there is none. */
  text(name: string): string | undefined {
    const value = this.get(name);
    if (value !== undefined && typeof value !== "string") {
      this.fail(name, "a text");
    }
    return value;
  }

  /** A token id, or null where there is none; old files say none by -1. */
  tokenId(name: string): number | null {
    const id = this.integer(name, { minimum: -1, fallback: -1 });
    return id < 0 ? null : id;
  }

  /** One token id or a list of them; empty where there is none. */
  tokenIds(name: string): number[] {
    const value = this.get(name);
    const list: unknown[] = Array.isArray(value) ? value : [value ?? []].flat();
    return list.map((id) => {
      if (typeof id !== "number" || !Number.isInteger(id)) {
        this.fail(name, "a token id or a list of them");
      }
      return id;
    }).filter((id) => id >= 0);
  }
}
