/**
 * `parseArgs` of `@std/cli`, typed, over `npm:deno-std`.
 *
 * @module
 */
import { parseArgs as real } from "npm:deno-std@1.4.0/cli/parse_args.js";

/** What {@linkcode parseArgs} should look for. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>,
> {
  /** Flags that take no value. */
  boolean?: B | readonly B[];
  /** Flags whose value is text. */
  string?: S | readonly S[];
  /** Flags that may come several times; their values are listed. */
  collect?: C | readonly C[];
  /** Flags that `--no-NAME` sets to false. */
  negatable?: string | readonly string[];
  /** Values of flags that are not given. */
  default?: D;
  /** Other names of a flag. */
  alias?: Record<string, string | readonly string[]>;
  /** Whether all that follows the first operand is an operand. */
  stopEarly?: boolean;
  /** Whether what follows `--` is kept apart, under that name. */
  "--"?: boolean;
  /** Asked about a flag that is not listed; false drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What was found, by flag; `_` lists the operands. */
export type Args<
  B extends string,
  S extends string,
  C extends string,
  D extends Record<string, unknown>,
> =
  & { [K in B]: boolean }
  & { [K in S & C]: string[] }
  & { [K in Exclude<S, C | keyof D>]?: string }
  & { [K in Exclude<S, C> & keyof D]: string | D[K] }
  & { _: (string | number)[]; "--"?: string[] };

/** Takes the arguments of a command line apart. */
export const parseArgs: <
  B extends string = never,
  S extends string = never,
  C extends string = never,
  // deno-lint-ignore ban-types
  D extends Record<string, unknown> = {},
>(
  args: readonly string[],
  options?: ParseOptions<B, S, C, D>,
) => Args<B, S, C, D> = real;
