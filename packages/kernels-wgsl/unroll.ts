import { closingBracket } from "./closing_bracket.ts";
import { constantExpression, type Lookup } from "./constant_expression.ts";

/** More copies than this are a mistake: they cost seconds to compile. */
const MOST_COPIES = 512;

const LOOP = /\bfor \(([^{}]*)\)\s*\{[ \t]*\/\/ @unroll\n?/;
const HEAD =
  /^\s*var (\w+)(?:\s*:\s*(u32|i32))?\s*=([^;]+);\s*\1\s*(<=?|>=?|!=)([^;]+);\s*\1\s*(\+\+|--|(?:[-+*/]|<<|>>)=)\s*([^;]*)$/;

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "!=": (a, b) => a !== b,
};

/**
 * Writes out the loops marked `// @unroll`, the outer ones first, so that the
 * bounds of an inner loop may depend on the counter of an outer one.
 *
 * @param text A kernel without comments.
 * @param lookup The values of its constants.
 * @returns The kernel without marked loops.
 * @throws {RangeError} Where a loop cannot be written out.
 */
export function unroll(text: string, lookup: Lookup): string {
  for (let loop; (loop = LOOP.exec(text));) {
    const open = loop.index + loop[0].indexOf("{");
    const close = closingBracket(text, open);
    const body = text.slice(loop.index + loop[0].length, close);
    const { counter, values } = count(loop[1]!, lookup);
    checkBody(counter, body);
    const pattern = new RegExp(`(?<![\\w.])${counter}\\b`, "g");
    const copies = values.map((value) =>
      `{\n${body.replace(pattern, () => value)}}`
    );
    text = text.slice(0, loop.index) + copies.join("\n") +
      text.slice(close + 1);
  }
  if (text.includes("// @unroll")) {
    throw new RangeError(
      "Cannot unroll: a mark does not follow the { of a for loop",
    );
  }
  return text;
}

/** The values that a loop's counter takes, as literals of its type. */
function count(
  head: string,
  lookup: Lookup,
): { counter: string; values: string[] } {
  const refuse = (why: string): never => {
    throw new RangeError(`Cannot unroll "for (${head})": ${why}`);
  };
  const [, counter, type, first, compare, last, step, amount] =
    HEAD.exec(head) ?? refuse(
      "write `for (var i = 0u; i < N; i++)`, or step by +=, -=, *=, /=, << or >>",
    );
  const start = constantExpression(first!, lookup);
  const bound = constantExpression(last!, lookup).value;
  const by = amount!.trim() === ""
    ? 1
    : constantExpression(amount!, lookup).value;
  const unsigned = (type ?? start.type) === "u32";
  const values: string[] = [];
  let value = start.value;
  while (COMPARE[compare!]!(value, bound)) {
    if (values.length === MOST_COPIES) {
      refuse(`it runs more than ${MOST_COPIES} times`);
    }
    values.push(literal(value, unsigned));
    value = advance(value, step!, by);
  }
  return { counter: counter!, values };
}

function literal(value: number, unsigned: boolean): string {
  if (unsigned) return `${value}u`;
  return value < 0 ? `(${value}i)` : `${value}i`;
}

function advance(value: number, step: string, by: number): number {
  switch (step) {
    case "++":
      return value + 1;
    case "--":
      return value - 1;
    case "+=":
      return value + by;
    case "-=":
      return value - by;
    case "*=":
      return value * by;
    case "/=":
      return Math.trunc(value / by);
    case "<<=":
      return value * 2 ** by;
  }
  return Math.floor(value / 2 ** by);
}

/** Refuses what would mean something else once the loop is written out. */
function checkBody(counter: string, body: string): void {
  const refuse = (why: string): never => {
    throw new RangeError(`Cannot unroll the loop over "${counter}": ${why}`);
  };
  if (new RegExp(`\\b(?:let|var|const) ${counter}\\b`).test(body)) {
    refuse("its body declares that name again");
  }
  const change =
    `(?<![\\w.])${counter}\\s*(?:\\+\\+|--|(?:[-+*/%&|^]|<<|>>)?=(?!=))`;
  if (new RegExp(change).test(body)) refuse("its body changes the counter");
  const jump = /\b(?:break|continue)\b/.exec(withoutInnerLoops(body));
  if (jump) refuse(`its body has a "${jump[0]}"`);
}

/** A body without the loops and switches in it, whose jumps are their own. */
function withoutInnerLoops(body: string): string {
  const inner = /\b(?:for|while|loop|switch)\b[^{}]*\{/;
  for (let found; (found = inner.exec(body));) {
    const open = found.index + found[0].length - 1;
    body = body.slice(0, found.index) +
      body.slice(closingBracket(body, open) + 1);
  }
  return body;
}
