/** An expression of the common tongue of WGSL and JavaScript. */
export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  | {
    readonly kind: "unary";
    readonly operator: string;
    readonly x: Expression;
  }
  | {
    readonly kind: "binary";
    readonly operator: string;
    readonly a: Expression;
    readonly b: Expression;
  }
  | {
    readonly kind: "call";
    readonly name: string;
    readonly operands: readonly Expression[];
  };

const TOKEN =
  /\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\|\||&&|[<>=!]=|[-+*/%!<>(),]))/y;

/** Binary operators, those that bind least first. */
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["+", "-"],
  ["*", "/", "%"],
];

/**
 * Reads an expression.
 *
 * @param text The text.
 * @returns Its tree; undefined if it is not of numbers, names, arithmetic,
 * comparisons, logic and calls.
 */
export function expressionTree(text: string): Expression | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    if (!match) return undefined;
    tokens.push(match[1] ?? match[2] ?? match[3]!);
  }
  const reader = new Reader(tokens);
  const tree = reader.level(0);
  return reader.atEnd ? tree : undefined;
}

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  level(level: number): Expression | undefined {
    const operators = LEVELS[level];
    if (!operators) return this.#unary();
    let a = this.level(level + 1);
    while (a && operators.includes(this.#tokens[this.#at] ?? "")) {
      const operator = this.#tokens[this.#at++]!;
      const b = this.level(level + 1);
      a = b && { kind: "binary", operator, a, b };
    }
    return a;
  }

  #unary(): Expression | undefined {
    const token = this.#tokens[this.#at];
    if (token === "-" || token === "!") {
      this.#at++;
      const x = this.#unary();
      return x && { kind: "unary", operator: token, x };
    }
    return this.#primary();
  }

  #primary(): Expression | undefined {
    const token = this.#tokens[this.#at++] ?? "";
    if (token === "(") {
      const inner = this.level(0);
      return this.#tokens[this.#at++] === ")" ? inner : undefined;
    }
    if (/^\d/.test(token)) return { kind: "number", value: Number(token) };
    if (!/^[A-Za-z_]/.test(token)) return undefined;
    if (this.#tokens[this.#at] !== "(") return { kind: "name", name: token };
    this.#at++;
    const operands: Expression[] = [];
    while (this.#tokens[this.#at] !== ")") {
      const operand = this.level(0);
      if (!operand) return undefined;
      operands.push(operand);
      if (this.#tokens[this.#at] === ",") this.#at++;
      else if (this.#tokens[this.#at] !== ")") return undefined;
    }
    this.#at++;
    return { kind: "call", name: token, operands };
  }
}
