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

/** Fused code as a function body, with the buffers that it reads. */
export interface FusedText {
  /** The body of `epilogue`. */
  readonly body: string;
  /** Bindings and functions that it uses. */
  readonly declarations: string;
  /** The slot of each buffer, one for all views of it. */
  readonly slots: readonly number[];
}

/**
 * Writes fused code that computes element `i`.
 *
 * @param code The code.
 * @param firstBinding The number of its first binding.
 * @param dtype The type of the result.
 * @returns The text.
 */
export function fusedText(
  code: FusedCode,
  firstBinding: number,
  dtype: DType = "f32",
): FusedText {
  const buffers = buffersOf(code, wordType);
  const body = [
    ...code.lines.map((line) => lineText(code, buffers, line)),
    `return ${stored(code.result, dtype)};`,
  ].join("\n  ");
  return {
    body,
    declarations: [
      ...bindingTexts(buffers, firstBinding),
      ...mentioned(body),
    ].join("\n"),
    slots: [...buffers.keys()],
  };
}

/**
 * Writes fused code that computes elements `i` to `i + 3`, for `i` a multiple
 * of four: their operands are read as vectors, or once where all four are one.
 *
 * @param code The code.
 * @param firstBinding The number of its first binding.
 * @param dtype The type of the result.
 * @returns The text, or `undefined` if elements of an operand lie apart.
 */
export function fusedFourText(
  code: FusedCode,
  firstBinding: number,
  dtype: DType,
): FusedText | undefined {
  const loads = code.lines.filter((line) => line.kind === "load");
  const kinds = new Map<number, "together" | "same">();
  for (const { at, operand } of loads) {
    const read = code.operands[operand]!;
    const kind = at === "i" ? fourKind(read) : "apart";
    const known = kinds.get(read.slot) ?? kind;
    // A buffer has one type, so it is read in one way.
    if (kind === "apart" || known !== kind) return undefined;
    kinds.set(read.slot, kind);
  }
  const buffers = buffersOf(
    code,
    (dtype, slot) =>
      kinds.get(slot) === "together" ? fourType(dtype) : wordType(dtype),
  );
  const rest = code.lines.filter((line) => line.kind !== "load");
  const parameters = loads.map(({ name, operand }) =>
    `${name}: ${valueType(code.operands[operand]!.dtype)}`
  );
  const element = [
    `fn element(${["i: u32", ...parameters].join(", ")}) -> ${
      isPacked(dtype) ? "f32" : wordType(dtype)
    } {`,
    ...rest.map((line) => `  ${lineText(code, buffers, line)}`),
    `  return ${stored(code.result, dtype)};\n}`,
  ].join("\n");
  const reads = loads.map(({ name, operand }) => {
    const read = code.operands[operand]!;
    const buffer = buffers.get(read.slot)!.name;
    return kinds.get(read.slot) === "together"
      ? `let ${name} = ${loadFourText(buffer, read, "i")};`
      : `let ${name} = vec4<${valueType(read.dtype)}>(${
        loadText(buffer, read, "i")
      });`;
  });
  const calls = ["x", "y", "z", "w"].map((part, k) =>
    `element(${
      [`i + ${k}u`, ...loads.map(({ name }) => `${name}.${part}`)].join(", ")
    })`
  );
  const functions = mentioned(element);
  if (dtype === "bf16") functions.push(PACK_BRAIN);
  return {
    body: [...reads, `return ${packed(calls, dtype)};`].join("\n  "),
    declarations: [
      ...bindingTexts(buffers, firstBinding),
      ...functions,
      element,
    ].join("\n"),
    slots: [...buffers.keys()],
  };
}

interface TextBuffer {
  readonly name: string;
  readonly type: string;
}

/** The buffers of fused code by slot, in the order of their bindings. */
function buffersOf(
  { operands }: FusedCode,
  typeOf: (dtype: DType, slot: number) => string,
): ReadonlyMap<number, TextBuffer> {
  const buffers = new Map<number, TextBuffer>();
  for (const { slot, dtype } of operands) {
    const name = buffers.get(slot)?.name ?? `fused_${buffers.size}`;
    buffers.set(slot, { name, type: typeOf(dtype, slot) });
  }
  return buffers;
}

function bindingTexts(
  buffers: ReadonlyMap<number, TextBuffer>,
  firstBinding: number,
): string[] {
  return [...buffers.values()].map(({ name, type }, k) =>
    `@group(0) @binding(${
      firstBinding + k
    }) var<storage, read> ${name}: array<${type}>;`
  );
}

function lineText(
  code: FusedCode,
  buffers: ReadonlyMap<number, TextBuffer>,
  line: FusedLine,
): string {
  switch (line.kind) {
    case "index":
      return `let ${line.name} = ${
        indexExpression(indexMap(line.view), line.of, "wgsl")
      };`;
    case "load": {
      const operand = code.operands[line.operand]!;
      const { name } = buffers.get(operand.slot)!;
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
