import { closingBracket } from "./closing_bracket.ts";
import { constantExpression, type Lookup } from "./constant_expression.ts";

const DECLARATION = /\bvar (\w+)\s*:\s*([^;=]+);[ \t]*\/\/ @registers/;

/**
 * Turns each array marked `// @registers` into one variable an element:
 * `sums[1][2]` becomes `sums_1_2`. Every index must be a constant by then.
 *
 * @param text A kernel whose marked loops are written out.
 * @param lookup The values of its constants.
 * @returns The kernel without marked arrays.
 * @throws {RangeError} Where an array cannot be named.
 */
export function nameRegisters(text: string, lookup: Lookup): string {
  const own = new Set(text.match(/\b[A-Za-z_]\w*_\d+\b/g));
  for (let found; (found = DECLARATION.exec(text));) {
    const [line, name, arrayType] = found;
    const { type, lengths } = dimensions(name!, arrayType!, lookup);
    const names = elements(name!, lengths);
    const clash = names.find((register) => own.has(register));
    if (clash) {
      throw new RangeError(
        `Cannot name the registers of "${name}": the kernel has a "${clash}" already`,
      );
    }
    const start = found.index + line.length;
    const end = endOfScope(text, start);
    text = text.slice(0, found.index) +
      names.map((register) => `var ${register}: ${type};`).join(" ") +
      rename(text.slice(start, end), name!, lengths, lookup) +
      text.slice(end);
  }
  if (text.includes("// @registers")) {
    throw new RangeError(
      "Cannot name registers: a mark does not follow `var NAME: array<…>;`",
    );
  }
  return text;
}

/** The element type of an array of arrays, and its lengths, outermost first. */
function dimensions(
  name: string,
  arrayType: string,
  lookup: Lookup,
): { type: string; lengths: number[] } {
  const lengths: number[] = [];
  let type = arrayType.trim();
  for (let match; (match = /^array<([\s\S]+),([^,]+)>$/.exec(type));) {
    lengths.push(constantExpression(match[2]!, lookup).value);
    type = match[1]!.trim();
  }
  if (lengths.length === 0) {
    throw new RangeError(
      `Cannot name the registers of "${name}": "${type}" is not an array of known length`,
    );
  }
  return { type, lengths };
}

function elements(name: string, lengths: readonly number[]): string[] {
  let names = [name];
  for (const length of lengths) {
    names = names.flatMap((prefix) =>
      Array.from({ length }, (_, index) => `${prefix}_${index}`)
    );
  }
  return names;
}

/** The index of the brace that ends the block around `start`. */
function endOfScope(text: string, start: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    if (text[index] === "{") depth++;
    if (text[index] === "}" && depth-- === 0) return index;
  }
  throw new RangeError(
    "Cannot name registers: a marked array is outside a function",
  );
}

function rename(
  scope: string,
  name: string,
  lengths: readonly number[],
  lookup: Lookup,
): string {
  const refuse = (why: string): never => {
    throw new RangeError(`Cannot name the registers of "${name}": ${why}`);
  };
  const pattern = new RegExp(`(?<![\\w.])${name}\\b`, "g");
  let renamed = "";
  let done = 0;
  for (let use; (use = pattern.exec(scope));) {
    let end = use.index + name.length;
    let register = name;
    for (const length of lengths) {
      if (scope[end] !== "[") {
        refuse(`it is used without ${lengths.length} index(es)`);
      }
      const close = closingBracket(scope, end);
      const inner = scope.slice(end + 1, close);
      const index = constantExpression(inner, lookup).value;
      if (!(index >= 0 && index < length)) {
        refuse(`index ${inner} is outside 0 to ${length - 1}`);
      }
      register += `_${index}`;
      end = close + 1;
    }
    renamed += scope.slice(done, use.index) + register;
    done = end;
    pattern.lastIndex = end;
  }
  return renamed + scope.slice(done);
}
