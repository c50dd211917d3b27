import {
  type Constant,
  constantExpression,
  type Lookup,
} from "./constant_expression.ts";
import { nameRegisters } from "./name_registers.ts";
import { stripComments } from "./strip_comments.ts";
import { unroll } from "./unroll.ts";

/**
 * Turns a readable kernel into the text that compilers make fast: sizes are
 * set, loops marked `// @unroll` are written out, and arrays marked
 * `// @registers` become one variable an element. Compilers guard loops and
 * indexes and then keep such arrays in memory, which was thirteen times slower
 * for a tiled matrix product on an NVIDIA H200.
 *
 * A marked loop counts between constants in constant steps, up or down. A
 * marked array is indexed only by constants and by counters of marked loops.
 *
 * @example Usage
 * ```ts
 * import { specialize } from "@wick/kernels-wgsl";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const text = specialize(
 *   `const ROWS: u32 = 4;
 * fn main() {
 *   var sums: array<f32, ROWS>; // @registers
 *   for (var i = 0u; i < ROWS; i++) { // @unroll
 *     sums[i] = f32(i);
 *   }
 * }`,
 *   { ROWS: 2 },
 * );
 * assertStringIncludes(text, "sums_1 = f32(1u);");
 * ```
 *
 * @param text The kernel.
 * @param sizes New values for its `const NAME: u32 = …;` lines (or `i32`,
 * `f32`).
 * @returns The kernel for those sizes, without comments.
 * @throws {RangeError} Where a size is unknown or does not fit its type, or a
 * marked loop or array cannot be written out.
 */
export function specialize(
  text: string,
  sizes: Readonly<Record<string, number>> = {},
): string {
  const code = setSizes(stripComments(text), sizes);
  const lookup = constants(code);
  return nameRegisters(unroll(code, lookup), lookup);
}

const SIZE = /^const (\w+)\s*:\s*(u32|i32|f32)\s*=\s*([^;]+);/gm;

function setSizes(
  code: string,
  sizes: Readonly<Record<string, number>>,
): string {
  const missing = new Set(Object.keys(sizes));
  const names: string[] = [];
  const set = code.replace(SIZE, (line, name: string, type: string) => {
    names.push(name);
    const value = sizes[name];
    if (!missing.delete(name) || value === undefined) return line;
    return `const ${name}: ${type} = ${literal(name, type, value)};`;
  });
  for (const name of missing) {
    throw new RangeError(
      `Cannot set ${name}: the kernel has no such size, it has ${
        names.join(", ") || "none"
      }`,
    );
  }
  return set;
}

/** A number as WGSL writes it for a type. */
function literal(name: string, type: string, value: number): string {
  const fits = type === "u32"
    ? value === value >>> 0
    : type === "i32"
    ? value === (value | 0)
    : Number.isFinite(Math.fround(value));
  if (!fits) {
    throw new RangeError(`Cannot set ${name} to ${value}: it is of ${type}`);
  }
  return `${value}`;
}

/** Looks up the `const NAME: TYPE = …;` lines of a kernel. */
function constants(code: string): Lookup {
  const texts = new Map(
    [...code.matchAll(SIZE)].map(([, name, type, text]) =>
      [name!, { type: type!, text: text! }] as const
    ),
  );
  const known = new Map<string, Constant>();
  const lookup: Lookup = (name) => {
    const found = known.get(name);
    const line = texts.get(name);
    if (found || !line) return found;
    texts.delete(name); // a constant that names itself must end
    const { value } = constantExpression(line.text, lookup);
    const type = line.type === "u32" || line.type === "i32" ? line.type : "f32";
    const constant: Constant = { value, type };
    known.set(name, constant);
    return constant;
  };
  return lookup;
}
