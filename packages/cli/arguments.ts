import { parseArgs } from "@std/cli/parse-args";
import { COMMON_OPTIONS, type Option } from "./option.ts";
import { UsageError } from "./usage_error.ts";

/** The range of a number. */
export interface Range {
  /** The least value. */
  readonly minimum?: number;
  /** The greatest value. */
  readonly maximum?: number;
}

/** The arguments of a command, with checked access. */
export class Arguments {
  /** What is no option. */
  readonly operands: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #line: readonly string[];
  readonly #options: readonly Option[];

  /**
   * Takes a command line apart.
   *
   * @param args The arguments after the name of the command.
   * @param options The options of the command, beside the common ones.
   * @throws {UsageError} If an option is not listed.
   */
  constructor(args: readonly string[], options: readonly Option[]) {
    const all = [...options, ...COMMON_OPTIONS];
    const named = (flag: boolean): string[] =>
      all.filter(({ value }) => (value === undefined) === flag)
        .map(({ name }) => name);
    const values = parseArgs(args, {
      string: [...named(false), "_"],
      boolean: named(true),
      collect: all.filter(({ repeats }) => repeats).map(({ name }) => name),
      unknown: (argument, key) => {
        if (key === undefined) return;
        throw new UsageError(
          `Cannot take ${argument}: there is no such option`,
        );
      },
    });
    this.operands = values._.map(String);
    this.#values = values;
    this.#line = args;
    this.#options = options;
  }

  /**
   * Gives the arguments with values for options that they do not give.
   *
   * @param values The values by option; a flag is `true` or `false`.
   * @returns The arguments with both.
   */
  over(values: ReadonlyMap<string, string | boolean>): Arguments {
    const line = [...values].map(([name, value]) => `--${name}=${value}`);
    return new Arguments([...line, ...this.#line], this.#options);
  }

  /**
   * Gives the arguments with values that count instead of those they give.
   *
   * @param values The values by option; a flag is `true` or `false`.
   * @returns The arguments with both.
   */
  under(values: ReadonlyMap<string, string | boolean>): Arguments {
    const line = [...values].map(([name, value]) => `--${name}=${value}`);
    return new Arguments([...this.#line, ...line], this.#options);
  }

  /** The options of the command that are given, the common ones aside. */
  get given(): Map<string, string | boolean> {
    const given = new Map<string, string | boolean>();
    for (const { name, value } of this.#options) {
      const found = this.#values[name];
      if (value === undefined ? found === true : typeof found === "string") {
        given.set(name, value === undefined ? true : String(found));
      }
    }
    return given;
  }

  /** Whether a flag is given. */
  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  /** A text, or `undefined` where the option is not given. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** A text that must be given and not be empty. */
  required(name: string): string {
    const value = this.filled(name);
    if (value === undefined) {
      throw new UsageError(`Cannot do without --${name}`);
    }
    return value;
  }

  /** A text that is not empty, or `undefined`. */
  filled(name: string): string | undefined {
    const value = this.text(name);
    if (value === "") {
      throw new UsageError(`Cannot take --${name}: it needs a value`);
    }
    return value;
  }

  /** The texts of an option that can be given several times, none empty. */
  texts(name: string): string[] {
    const texts = [this.#values[name] ?? []].flat().map(String);
    if (texts.includes("")) {
      throw new UsageError(`Cannot take --${name}: it needs a value`);
    }
    return texts;
  }

  /** A number, or `undefined`. */
  number(name: string, range: Range = {}): number | undefined {
    const value = this.filled(name);
    if (value === undefined) return undefined;
    const number = value.trim() === "" ? NaN : Number(value);
    const { minimum = -Infinity, maximum = Infinity } = range;
    if (!(number >= minimum && number <= maximum)) {
      throw wrong(name, value, `a number${bounds(range)}`);
    }
    return number;
  }

  /** A whole number, or `undefined`. */
  whole(name: string, range: Range = { minimum: 1 }): number | undefined {
    const number = this.number(name, {
      ...range,
      maximum: range.maximum ?? 2 ** 32,
    });
    if (number !== undefined && !Number.isInteger(number)) {
      throw wrong(name, String(number), `a whole number${bounds(range)}`);
    }
    return number;
  }

  /** The whole numbers from 0 of an option that can be given several times. */
  wholes(name: string): number[] {
    return this.texts(name).map((value) => {
      const number = value.trim() === "" ? NaN : Number(value);
      if (Number.isSafeInteger(number) && number >= 0) return number;
      throw wrong(name, value, "a whole number of at least 0");
    });
  }

  /** One of a few words, or `undefined`. */
  choice<T extends string>(name: string, words: readonly T[]): T | undefined {
    const value = this.filled(name);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    if (found === undefined) throw wrong(name, value, words.join(", "));
    return found;
  }

  /** Fails if there are operands. */
  refuseOperands(): void {
    const [operand] = this.operands;
    if (operand !== undefined) {
      throw new UsageError(`Cannot take "${operand}": only options are wanted`);
    }
  }
}

/**
 * Leaves out what is `undefined`, for options that may be absent but not that.
 *
 * @param values The values.
 * @returns Those that are there.
 */
export function present<T extends Record<string, unknown>>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> };
export function present(
  values: Record<string, unknown>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  );
}

function wrong(name: string, value: string, must: string): UsageError {
  return new UsageError(
    `Cannot take "${value}" as --${name}: it must be ${must}`,
  );
}

function bounds({ minimum, maximum }: Range): string {
  if (minimum === undefined && maximum === undefined) return "";
  if (maximum === undefined) return ` of at least ${minimum}`;
  if (minimum === undefined) return ` of at most ${maximum}`;
  return ` from ${minimum} to ${maximum}`;
}
