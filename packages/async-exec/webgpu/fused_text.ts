import type { DType } from "@wick/core-tensor";
import type { FusedCode, FusedLine } from "@wick/graph";
import { kernelText } from "@wick/kernels-wgsl";
import { indexExpression, indexMap } from "../index_terms.ts";
import {
  fourKind,
  fourType,
  isPacked,
  loadFourText,
  loadText,
  valueType,
  wordType,
} from "./element_text.ts";
import type { KernelBuffers } from "./kernel_buffers.ts";

/** Fused code as a function body, with the functions that it uses. */
export interface FusedText {
  /** The body of the function. */
  readonly body: string;
  /** The functions that it uses. */
  readonly functions: readonly string[];
}

/**
 * Writes fused code that computes element `i`.
 *
 * @param code The code.
 * @param buffers The buffers of the kernel; those that it reads are added.
 * @param dtype The type of the result.
 * @returns The text.
 */
export function fusedText(
  code: FusedCode,
  buffers: KernelBuffers,
  dtype: DType = "f32",
): FusedText {
  const body = [
    ...code.lines.map((line) => lineText(code, buffers, line)),
    `return ${stored(code.result, dtype)};`,
  ].join("\n  ");
  return { body, functions: mentioned(body) };
}

/**
 * Tells whether fused code can compute four neighbours at once: its operands lie
 * so that they are read as vectors, or once where all four are one.
 *
 * @param code The code.
 * @returns Whether it can.
 */
export function computesFours({ lines, operands }: FusedCode): boolean {
  const kinds = new Map<number, string>();
  return lines.every((line) => {
    if (line.kind !== "load") return true;
    const operand = operands[line.operand]!;
    const kind = line.at === "i" ? fourKind(operand) : "apart";
    const known = kinds.get(operand.slot) ?? kind;
    kinds.set(operand.slot, kind);
    // Read in two ways, a buffer would be two of the few that there are.
    return kind !== "apart" && known === kind;
  });
}

/**
 * Writes fused code that computes elements `i` to `i + 3`, for `i` a multiple
 * of four: see {@linkcode computesFours}.
 *
 * @param code The code.
 * @param buffers The buffers of the kernel; those that it reads are added.
 * @param dtype The type of the result.
 * @param name The name of the function that computes one element.
 * @param given Whether the code goes on with `value`, four of a kernel's results.
 * @returns The text.
 */
export function fusedFourText(
  code: FusedCode,
  buffers: KernelBuffers,
  dtype: DType,
  name = "element",
  given = false,
): FusedText {
  const loads = code.lines.filter((line) => line.kind === "load");
  const rest = code.lines.filter((line) => line.kind !== "load");
  const parameters = [
    "i: u32",
    ...given ? ["value: f32"] : [],
    ...loads.map(({ name, operand }) =>
      `${name}: ${valueType(code.operands[operand]!.dtype)}`
    ),
  ];
  const element = [
    `fn ${name}(${parameters.join(", ")}) -> ${
      isPacked(dtype) ? "f32" : wordType(dtype)
    } {`,
    ...rest.map((line) => `  ${lineText(code, buffers, line)}`),
    `  return ${stored(code.result, dtype)};\n}`,
  ].join("\n");
  const reads = loads.map(({ name, operand }) => {
    const read = code.operands[operand]!;
    if (fourKind(read) === "together") {
      const buffer = buffers.read(read.slot, fourType(read.dtype));
      return `let ${name} = ${loadFourText(buffer, read, "i")};`;
    }
    const buffer = buffers.read(read.slot, wordType(read.dtype));
    return `let ${name} = vec4<${valueType(read.dtype)}>(${
      loadText(buffer, read, "i")
    });`;
  });
  const vectors = [...given ? ["value"] : [], ...loads.map(({ name }) => name)];
  const calls = ["x", "y", "z", "w"].map((part, k) =>
    `${name}(${
      [`i + ${k}u`, ...vectors.map((vector) => `${vector}.${part}`)].join(", ")
    })`
  );
  const functions = mentioned(element);
  if (dtype === "bf16") functions.push(PACK_BRAIN);
  return {
    body: [...reads, `return ${packed(calls, dtype)};`].join("\n  "),
    functions: [...functions, element],
  };
}

function lineText(
  code: FusedCode,
  buffers: KernelBuffers,
  line: FusedLine,
): string {
  switch (line.kind) {
    case "index":
      return `let ${line.name} = ${
        indexExpression(indexMap(line.view), line.of, "wgsl")
      };`;
    case "load": {
      const operand = code.operands[line.operand]!;
      const name = buffers.read(operand.slot, wordType(operand.dtype));
      return `let ${line.name} = ${loadText(name, operand, line.at)};`;
    }
    case "value":
      return `let ${line.name} = ${line.text};`;
  }
}

function stored(result: string, dtype: DType): string {
  return dtype === "bool" ? `select(0u, 1u, ${result})` : result;
}

/** Four results as they are stored. */
function packed(calls: readonly string[], dtype: DType): string {
  const [x, y, z, w] = calls;
  switch (dtype) {
    case "f16":
      return `vec2u(pack2x16float(vec2f(${x}, ${y})), pack2x16float(vec2f(${z}, ${w})))`;
    case "bf16":
      return `vec2u(pack_brain(${x}, ${y}), pack_brain(${z}, ${w}))`;
    default:
      return `vec4<${wordType(dtype)}>(${calls.join(", ")})`;
  }
}

const BRAIN_BITS = /^fn brain_bits\([\s\S]*?^\}/m.exec(
  kernelText("elementwise_halves"),
)![0];

const PACK_BRAIN = `${BRAIN_BITS}
fn pack_brain(low: f32, high: f32) -> u32 {
  return brain_bits(low) | (brain_bits(high) << 16u);
}`;

const FUNCTIONS: readonly { name: string; text: string }[] = [
  ...kernelText("functions").matchAll(/^fn (\w+)\([\s\S]*?^\}/gm),
].map(([text, name]) => ({ name: name!, text }));

/** The functions of the common tongue that a text mentions. */
function mentioned(body: string): string[] {
  return FUNCTIONS.filter(({ name }) => new RegExp(`\\b${name}\\(`).test(body))
    .map(({ text }) => text);
}
