import { bf16Round, type DType, isQuantized } from "@wick/core-tensor";
import type { FusedCode } from "@wick/graph";
import { indexExpression, indexMap } from "../index_terms.ts";
import type { CpuArray } from "./cpu_array.ts";
import { FUNCTIONS } from "./functions.ts";

/**
 * Runs fused code on each element of `out` from the first on; its old elements
 * are `value`.
 */
export type FusedFunction = (
  out: CpuArray,
  operands: readonly CpuArray[],
  first: number,
) => void;

const COMPILED = new Map<string, FusedFunction>();
const MAX_COMPILED = 1024;

/**
 * Compiles fused code to a JavaScript loop. Its text has nothing in it but what
 * operations and shapes give, so no text of a user is ever run.
 *
 * @param code The code.
 * @param count The number of elements.
 * @param dtype The type of the result.
 * @returns The loop, the same one for the same code.
 */
export function fusedFunction(
  code: FusedCode,
  count: number,
  dtype: DType,
): FusedFunction {
  const text = loopText(code, count, dtype);
  let compiled = COMPILED.get(text);
  if (!compiled) {
    const names = Object.keys(FUNCTIONS).filter((name) =>
      new RegExp(`\\b${name}\\(`).test(text)
    );
    const make = new Function(
      "functions",
      "f16round",
      "bf16round",
      `const { ${names.join(", ")} } = functions;\n` +
        `return (out, operands, first) => {\n${text}\n};`,
    );
    compiled = make(FUNCTIONS, Math.f16round, bf16Round) as FusedFunction;
    if (COMPILED.size >= MAX_COMPILED) COMPILED.clear();
    COMPILED.set(text, compiled);
  }
  return compiled;
}

function loopText(code: FusedCode, count: number, dtype: DType): string {
  const arrays = code.operands.map((_, k) => `const o${k} = operands[${k}];`);
  const lines = code.lines.map((line) => {
    switch (line.kind) {
      case "index":
        return `const ${line.name} = ${
          logicalIndex(indexExpression(indexMap(line.view), line.of, "js"))
        };`;
      case "load": {
        const { view } = code.operands[line.operand]!;
        const index = indexExpression(indexMap(view), line.at, "js");
        return `const ${line.name} = o${line.operand}[${index}];`;
      }
      case "value":
        return `const ${line.name} = ${line.text};`;
    }
  });
  const needsValue =
    code.lines.some((line) =>
      line.kind === "value" && /\bvalue\b/.test(line.text)
    ) || code.result === "value";
  return [
    ...arrays,
    `for (let i = first; i < ${count}; i++) {`,
    ...(needsValue ? ["const value = out[i];"] : []),
    ...lines,
    `out[i] = ${stored(code.result, dtype)};`,
    "}",
  ].join("\n");
}

function logicalIndex(text: string): string {
  return `(${text}) | 0`;
}

function stored(result: string, dtype: DType): string {
  switch (isQuantized(dtype) ? "f32" : dtype) {
    case "f16":
      return `f16round(${result})`;
    case "bf16":
      return `bf16round(${result})`;
    case "bool":
      return `${result} ? 1 : 0`;
    case "f32":
    case "i32":
    case "u32":
      return result;
  }
}
