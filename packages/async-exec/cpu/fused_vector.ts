import type { DType } from "@wick/core-tensor";
import type { FusedCode } from "@wick/graph";
import { type IndexMap, indexMap } from "../index_terms.ts";
import type { CpuArray } from "./cpu_array.ts";
import type { CpuMachine } from "./cpu_machine.ts";
import { expressionTree } from "./expression_tree.ts";
import { type VectorCode, vectorCode } from "./vector_code.ts";
import { encodeWasm, signed, unsigned } from "./wasm_encoder.ts";

/** Runs fused code on the elements before the last few that fill no vector. */
export type FusedVector = (
  out: CpuArray,
  operands: readonly CpuArray[],
  machine: CpuMachine,
) => boolean;

type Run = (out: number, end: number, ...operands: readonly number[]) => void;

/** Fewer elements are not worth a module. */
const LEAST_ELEMENTS = 256;
const COMPILED = new Map<string, WebAssembly.Module>();
const MAX_COMPILED = 1024;

// The parameters of the function: the address of the result, the first element
// that is not computed, the addresses of the operands; and a local, the index.
const OUT = 0;
const END = 1;
const FIRST_OPERAND = 2;

/**
 * Compiles fused code to WebAssembly, four elements at a time.
 *
 * @param code The code.
 * @param count The number of elements.
 * @param dtype The type of the result.
 * @returns What runs it; undefined where it has more than floats and truth.
 */
export function fusedVector(
  code: FusedCode,
  count: number,
  dtype: DType,
): FusedVector | undefined {
  if (count < LEAST_ELEMENTS || dtype !== "f32") return undefined;
  const key = JSON.stringify(code);
  let module = COMPILED.get(key);
  if (!module) {
    const bytes = moduleBytes(code);
    if (!bytes) return undefined;
    module = new WebAssembly.Module(bytes);
    if (COMPILED.size >= MAX_COMPILED) COMPILED.clear();
    COMPILED.set(key, module);
  }
  const compiled = module;
  const end = count - count % 4;
  let run: Run | undefined;
  return (out, operands, { memory, exports }) => {
    const places = [out, ...operands].map((array) => memory.addressOf(array));
    const [to, ...from] = places.filter((place) => place !== undefined);
    if (to === undefined || from.length !== operands.length) return false;
    run ??= instantiate(compiled, memory.memory, exports);
    run(to, end, ...from);
    return true;
  };
}

function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  functions: WebAssembly.Exports,
): Run {
  const instance = new WebAssembly.Instance(module, {
    env: { memory },
    functions,
  });
  const { run } = instance.exports;
  if (!isRun(run)) {
    throw new TypeError("Cannot run fused code: it exports none");
  }
  return run;
}

function isRun(value: WebAssembly.ExportValue | undefined): value is Run {
  return typeof value === "function";
}

/** The module of some fused code; undefined if it cannot be done in vectors. */
function moduleBytes(code: FusedCode): Uint8Array<ArrayBuffer> | undefined {
  const parameters = FIRST_OPERAND + code.operands.length;
  // The index is a parameter too, so that all locals are vectors; it is 0.
  const index = parameters;
  const locals = new Map<
    string,
    { readonly at: number; readonly type: VectorCode["type"] }
  >();
  const imports: string[] = [];
  const scope = {
    name: (name: string): VectorCode | undefined => {
      if (name === "value") {
        return { type: "f32", code: [...address(OUT, index), ...LOAD] };
      }
      const local = locals.get(name);
      return local &&
        { type: local.type, code: [0x20, ...unsigned(local.at)] };
    },
    import: (name: string): number => {
      if (!imports.includes(name)) imports.push(name);
      return imports.indexOf(name);
    },
  };
  const body: number[] = [];
  for (const line of code.lines) {
    if (line.kind === "index") continue;
    const value = line.kind === "load"
      ? loadCode(code, line.operand, line.at, index)
      : parsed(line.text);
    if (!value) return undefined;
    const at = index + 1 + locals.size;
    locals.set(line.name, { at, type: value.type });
    body.push(...value.code, 0x21, ...unsigned(at));
  }
  const result = parsed(code.result);
  if (result?.type !== "f32") return undefined;

  function parsed(text: string): VectorCode | undefined {
    const tree = expressionTree(text);
    return tree && vectorCode(tree, scope);
  }

  return encodeWasm({
    parameters: index + 1,
    vectors: locals.size,
    ...{ imports, maximumPages: 2 ** 16 },
    code: [
      ...[0x20, ...unsigned(index), 0x20, END, 0x49, 0x04, 0x40], // if index < end
      ...[0x03, 0x40], // loop
      ...body,
      ...address(OUT, index),
      ...[...result.code, 0xfd, 0x0b, 0, 0], // store
      ...[0x20, ...unsigned(index), 0x41, 4, 0x6a, 0x22, ...unsigned(index)],
      ...[0x20, END, 0x49, 0x0d, 0], // again if index < end
      ...[0x0b, 0x0b],
    ],
  });
}

const LOAD = [0xfd, 0x00, 0, 0];
const LOAD_SPLAT = [0xfd, 0x09, 0, 0];
const LOAD_ONE = [0x2a, 0, 0];

/** The address of element `local` of a parameter. */
function address(parameter: number, local: number): number[] {
  return [
    ...[0x20, ...unsigned(parameter), 0x20, ...unsigned(local)],
    ...[0x41, 2, 0x74, 0x6a],
  ];
}

/** Loads four elements of an operand. */
function loadCode(
  code: FusedCode,
  operand: number,
  at: string,
  index: number,
): VectorCode | undefined {
  const { dtype, view } = code.operands[operand]!;
  if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16") return undefined;
  const map = indexMap(view);
  const one = (lane: number): number[] => [
    ...[0x20, ...unsigned(FIRST_OPERAND + operand)],
    ...mapped(map, logical(at, lane)),
    ...[0x41, 2, 0x74, 0x6a],
  ];
  const lanes = at === "i" ? lanesOf(map) : "apart";
  switch (lanes) {
    case "same":
      return { type: "f32", code: [...one(0), ...LOAD_SPLAT] };
    case "neighbours":
      return { type: "f32", code: [...one(0), ...LOAD] };
    case "apart": {
      const parts = [0, 1, 2, 3].map((lane) => [...one(lane), ...LOAD_ONE]);
      const [first, ...rest] = parts;
      return {
        type: "f32",
        code: [
          ...[...first!, 0xfd, 0x13], // splat
          ...rest.flatMap((part, lane) => [...part, 0xfd, 0x20, lane + 1]),
        ],
      };
    }
  }

  /** The logical index that a name stands for, in one lane. */
  function logical(name: string, lane: number): number[] {
    if (name === "i") {
      const own = [0x20, ...unsigned(index)];
      return lane === 0 ? own : [...own, 0x41, lane, 0x6a];
    }
    const line = code.lines.find((line) =>
      line.kind === "index" && line.name === name
    );
    if (line?.kind !== "index") {
      throw new RangeError(`Cannot load at "${name}": there is no such index`);
    }
    return mapped(indexMap(line.view), logical(line.of, lane));
  }
}

/** Where the element at an index lies. */
function mapped({ offset, terms }: IndexMap, at: readonly number[]): number[] {
  const code = [0x41, ...signed(offset)];
  for (const { step, size, stride } of terms) {
    code.push(...at);
    if (step !== 1) code.push(0x41, ...signed(step), 0x6e);
    if (size !== undefined) code.push(0x41, ...signed(size), 0x70);
    if (stride !== 1) code.push(0x41, ...signed(stride), 0x6c);
    code.push(0x6a);
  }
  return code;
}

/** How four elements lie, the index of the first being a multiple of four. */
function lanesOf({ terms }: IndexMap): "same" | "neighbours" | "apart" {
  let lanes: "same" | "neighbours" = "same";
  for (const { step, size, stride } of terms) {
    if (step % 4 === 0) continue;
    if (step !== 1 || stride !== 1 || (size ?? 0) % 4 !== 0) return "apart";
    lanes = "neighbours";
  }
  return lanes;
}
