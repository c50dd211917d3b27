/** A number that is known before the shader is compiled. */
export interface Constant {
  /** Its value. */
  value: number;
  /** Its type; a literal without a suffix is `"abstract"`. */
  type: "u32" | "i32" | "f32" | "abstract";
}

/** Gives the value of a name, or `undefined` where it has none yet. */
export type Lookup = (name: string) => Constant | undefined;

const TOKEN =
  /\s*(0x[0-9a-fA-F]+[ui]?|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[uifh]?|\w+|<<|>>|[-+*/%(),])/y;

/** What a binary operator does; division of integers truncates. */
const OPERATORS: Readonly<
  Record<string, (a: number, b: number, whole: boolean) => number>
> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b, whole) => whole ? Math.trunc(a / b) : a / b,
  "%": (a, b) => a % b,
  "<<": (a, b) => a * 2 ** b,
  ">>": (a, b) => Math.floor(a / 2 ** b),
};

/** The operators by strength, the weakest first. */
const LEVELS = [["<<", ">>"], ["+", "-"], ["*", "/", "%"]];

/**
 * Evaluates a WGSL expression of literals, known names, `+ - * / % << >>`,
 * `min`, `max`, `u32`, `i32` and `f32`, as the shader compiler would.
 *
 * @param text The expression.
 * @param lookup The values of names.
 * @returns Its value and type.
 * @throws {RangeError} Where a part is not known, or not an expression.
 */
export function constantExpression(text: string, lookup: Lookup): Constant {
  const tokens = tokenize(text);
  let next = 0;
  const fail = (why: string): never => {
    throw new RangeError(`Cannot evaluate "${text.trim()}": ${why}`);
  };
  const take = (token: string): void => {
    if (tokens[next++] !== token) fail(`a "${token}" is missing`);
  };

  const binary = (level: number): Constant => {
    const operators = LEVELS[level];
    if (!operators) return unary();
    let left = binary(level + 1);
    for (let at; operators.includes(at = tokens[next] ?? "");) {
      next++;
      left = combine(at, left, binary(level + 1));
    }
    return left;
  };
  const combine = (operator: string, a: Constant, b: Constant): Constant => {
    const shift = operator === "<<" || operator === ">>";
    const type = a.type === "abstract" && !shift ? b.type : a.type;
    const whole = type !== "f32" && Number.isInteger(a.value) &&
      Number.isInteger(b.value);
    if (b.value === 0 && (operator === "/" || operator === "%")) {
      fail("it divides by zero");
    }
    return { value: OPERATORS[operator]!(a.value, b.value, whole), type };
  };
  const unary = (): Constant => {
    if (tokens[next] !== "-") return primary();
    next++;
    const operand = unary();
    return { ...operand, value: -operand.value };
  };
  const primary = (): Constant => {
    const token = tokens[next++] ?? fail("it ends too early");
    if (token === "(") {
      const inner = binary(0);
      take(")");
      return inner;
    }
    if (/^[.\d]/.test(token)) return literal(token);
    if (tokens[next] === "(") return call(token);
    return lookup(token) ?? fail(`"${token}" is not a constant`);
  };
  const call = (name: string): Constant => {
    take("(");
    const values = [binary(0)];
    while (tokens[next] === ",") {
      next++;
      values.push(binary(0));
    }
    take(")");
    const numbers = values.map(({ value }) => value);
    const typed = values.find(({ type }) => type !== "abstract") ?? values[0]!;
    switch (name) {
      case "min":
        return { ...typed, value: Math.min(...numbers) };
      case "max":
        return { ...typed, value: Math.max(...numbers) };
      case "u32":
      case "i32":
        return { value: Math.trunc(numbers[0]!), type: name };
      case "f32":
        return { value: numbers[0]!, type: name };
    }
    return fail(`"${name}()" is not a constant function`);
  };

  const value = binary(0);
  if (next < tokens.length) fail(`"${tokens[next]}" is not expected there`);
  return value;
}

function literal(token: string): Constant {
  const hexadecimal = token.startsWith("0x");
  const suffix = /[ui]$/.exec(token)?.[0] ??
    (hexadecimal ? undefined : /[fh]$/.exec(token)?.[0]);
  const value = Number(suffix ? token.slice(0, -1) : token);
  if (suffix === "u") return { value, type: "u32" };
  if (suffix === "i") return { value, type: "i32" };
  const real = suffix !== undefined || (!hexadecimal && /[.eE]/.test(token));
  return { value, type: real ? "f32" : "abstract" };
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const source = text.trim();
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < source.length) {
    const start = pattern.lastIndex;
    const token = pattern.exec(source)?.[1];
    if (token === undefined) {
      throw new RangeError(
        `Cannot evaluate "${source}": "${
          source.slice(start).trimStart()[0]
        }" is not expected there`,
      );
    }
    tokens.push(token);
  }
  return tokens;
}
