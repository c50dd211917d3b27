import { ApiError } from "./api_error.ts";

/** The range of a number. */
export interface FieldRange {
  /** The least value. */
  readonly minimum?: number;
  /** The greatest value. */
  readonly maximum?: number;
}

/** The fields of a request's body, with checked access; null is absent. */
export class RequestFields {
  readonly #values: ReadonlyMap<string, unknown>;

  /**
   * Takes a body.
   *
   * @param body The parsed JSON.
   * @throws {ApiError} If it is no object.
   */
  constructor(body: unknown) {
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      throw new ApiError(
        400,
        "Cannot read the body: it must be a JSON object",
      );
    }
    this.#values = new Map(
      Object.entries(body).filter(([, value]) => value !== null),
    );
  }

  /** Any field as it is, or undefined. */
  get(name: string): unknown {
    return this.#values.get(name);
  }

  /** A text that must be there. */
  text(name: string): string {
    const value = this.#values.get(name);
    if (typeof value !== "string" || value === "") {
      throw wrongField(name, "a text that is not empty");
    }
    return value;
  }

  /** Whether a field is true. */
  flag(name: string): boolean {
    const value = this.#values.get(name) ?? false;
    if (typeof value !== "boolean") throw wrongField(name, "true or false");
    return value;
  }

  /** A number, or undefined. */
  number(name: string, range: FieldRange = {}): number | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const { minimum = -Infinity, maximum = Infinity } = range;
    if (typeof value !== "number" || !(value >= minimum && value <= maximum)) {
      throw wrongField(name, `a number from ${minimum} to ${maximum}`);
    }
    return value;
  }

  /** A whole number, or undefined. */
  whole(name: string, range: FieldRange = {}): number | undefined {
    const value = this.number(name, range);
    if (value !== undefined && !Number.isSafeInteger(value)) {
      throw wrongField(name, "a whole number");
    }
    return value;
  }

  /** A text or a list of texts, as a list; empty if absent. */
  texts(name: string, most: number): string[] {
    const value = this.#values.get(name);
    if (value === undefined) return [];
    const list = typeof value === "string" ? [value] : value;
    if (
      !Array.isArray(list) || list.length > most ||
      !list.every((text) => typeof text === "string" && text !== "")
    ) {
      throw wrongField(name, `a text or a list of at most ${most} texts`);
    }
    return list;
  }

  /**
   * Fails if a field asks for what is not done.
   *
   * @param neutral The values of fields that change nothing, by name.
   */
  refuseAllBut(neutral: ReadonlyMap<string, readonly unknown[]>): void {
    for (const [name, values] of neutral) {
      const value = this.#values.get(name);
      if (value === undefined || values.includes(value)) continue;
      if (isEmpty(value)) continue;
      const may = values.map((one) => JSON.stringify(one)).join(" or ");
      throw wrongField(name, may === "" ? "left out" : `left out or ${may}`);
    }
  }
}

/** An empty list or object asks for nothing. */
function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    Object.keys(value).length === 0;
}

/**
 * Makes the error for a field with a wrong value.
 *
 * @param name The field.
 * @param must What it must be.
 * @returns The error, to be thrown.
 */
export function wrongField(name: string, must: string): ApiError {
  return new ApiError(
    400,
    `Cannot take the field "${name}": it must be ${must}`,
    {
      param: name,
    },
  );
}
