import {
  type DType,
  DTYPES,
  elementCount,
  isRowMajor,
} from "@wick/core-tensor";
import type { DeviceTraits, KernelCall, View } from "@wick/core-tensor";
import type { FusedCode, Step, StepMain, StepOperand } from "@wick/graph";
import {
  bindings,
  hasHook,
  kernelSource,
  kernelText,
} from "@wick/kernels-wgsl";
import { indexExpression, indexMap } from "../index_terms.ts";

/** A step as a shader and what it is called with. */
export interface KernelCode {
  /** The text of the shader. */
  readonly text: string;
  /** The slot at each binding. */
  readonly slots: readonly number[];
  /** Whether each binding is written. */
  readonly writes: readonly boolean[];
  /** Workgroups along each dimension. */
  readonly workgroups: readonly [number, number, number];
}

/**
 * Gives the shader of a step.
 *
 * @param step The step.
 * @param traits What the device is like.
 * @returns The text, its buffers, and how many workgroups run it.
 */
export function wgslCode(step: Step, traits: DeviceTraits): KernelCode {
  return step.main
    ? mainCode(step, step.main, traits)
    : elementwiseCode(step, step.fused!);
}

function mainCode(
  { fused, output }: Step,
  main: StepMain,
  device: DeviceTraits,
): KernelCode {
  const { operation, attributes, operands, shape, dtype } = main;
  if (!operation.kernel) {
    throw new TypeError(
      `Cannot run ${operation.name} on WebGPU: it has no kernel`,
    );
  }
  const call: KernelCall = operation.kernel({
    attributes,
    inputs: operands,
    output: { shape, dtype },
    device,
  });
  const own = bindings(call.kernel).toSorted((a, b) => a.binding - b.binding);
  const hooks: Record<string, string> = { ...call.hooks };
  const packed: string[] = [];
  operands.forEach((operand, index) => {
    const { name } = own[index]!;
    const hook = `load_${name}`;
    if (isPlain(operand)) return;
    if (!hasHook(call.kernel, hook)) {
      if (operation.accepts?.(index, operand)) return;
      throw new TypeError(
        `Cannot run ${operation.name}: its kernel has no way to read operand ${index} as it lies`,
      );
    }
    hooks[hook] = `return ${loadText(name, operand, "i")};`;
    if (isPacked(operand.dtype)) packed.push(name);
  });
  const extra = fused ? fusedText(fused, own.length) : undefined;
  if (extra) hooks["epilogue"] = extra.body;
  let text = kernelSource(call.kernel, {
    sizes: call.sizes,
    ...(call.types && { types: call.types }),
    hooks,
    ...(extra && { declarations: extra.declarations }),
  });
  for (const name of packed) {
    text = text.replace(
      new RegExp(`(var<storage, read> ${name}: )array<f32>`),
      "$1array<u32>",
    );
  }
  const slots = [...operands.map(({ slot }) => slot)];
  // An operation that updates an operand has no buffer for a result.
  if (operation.updates === undefined) slots.push(output);
  return {
    text,
    slots: [...slots, ...extra?.slots ?? []],
    writes: [
      ...own.map(({ access }) => access === "read_write"),
      ...extra?.slots.map(() => false) ?? [],
    ],
    workgroups: spread(call.workgroups),
  };
}

const THREADS = 64;

function elementwiseCode(
  { dtype, shape, output }: Step,
  fused: FusedCode,
): KernelCode {
  const halves = dtype === "f16" || dtype === "bf16";
  const { body, declarations, slots } = fusedText(fused, 1, dtype);
  const count = elementCount(shape);
  const text = kernelSource(halves ? "elementwise_halves" : "elementwise", {
    sizes: {
      COUNT: count,
      THREADS,
      ...(halves && { BRAIN: dtype === "bf16" ? 1 : 0 }),
    },
    ...(!halves && { types: { Output: wordType(dtype) } }),
    hooks: { epilogue: body },
    declarations,
  });
  return {
    text,
    slots: [output, ...slots],
    writes: [true, ...slots.map(() => false)],
    workgroups: spread(Math.ceil((halves ? count / 2 : count) / THREADS)),
  };
}

/** Whether an operand is read by its logical index as it lies. */
function isPlain({ dtype, view }: StepOperand): boolean {
  return !isPacked(dtype) && dtype !== "bool" && isWholeFromStart(view);
}

function isWholeFromStart(view: View): boolean {
  return view.offset === 0 && isRowMajor(view);
}

function isPacked(dtype: DType): dtype is "f16" | "bf16" {
  return dtype === "f16" || dtype === "bf16";
}

/** The type of a buffer's words. */
function wordType(dtype: DType): string {
  if (isPacked(dtype) || dtype === "bool") return "u32";
  return DTYPES[dtype].arithmetic;
}

/** The element at logical index `i` of an operand, as it computes. */
function loadText(
  name: string,
  { dtype, view }: StepOperand,
  i: string,
): string {
  const at = indexExpression(indexMap(view), i, "wgsl");
  switch (dtype) {
    case "f32":
    case "i32":
    case "u32":
      return `${name}[${at}]`;
    case "bool":
      return `(${name}[${at}] != 0u)`;
    case "f16":
      return `unpack2x16float(${name}[(${at}) / 2u])[(${at}) % 2u]`;
    case "bf16":
      // The bits of a bf16 are the upper half of an f32's.
      return `bitcast<f32>((${name}[(${at}) / 2u] >> (16u * ((${at}) % 2u))) << 16u)`;
  }
}

/** Fused code as a function body, with the buffers that it reads. */
interface FusedText {
  readonly body: string;
  readonly declarations: string;
  /** The slot of each buffer, one for all views of it. */
  readonly slots: readonly number[];
}

function fusedText(
  code: FusedCode,
  firstBinding: number,
  dtype: DType = "f32",
): FusedText {
  const types = new Map(code.operands.map(({ slot, dtype }) => [slot, dtype]));
  const slots = [...types.keys()];
  const declared = slots.map((slot, k) =>
    `@group(0) @binding(${
      firstBinding + k
    }) var<storage, read> fused_${k}: array<${wordType(types.get(slot)!)}>;`
  );
  const lines = code.lines.map((line) => {
    switch (line.kind) {
      case "index":
        return `let ${line.name} = ${
          indexExpression(indexMap(line.view), line.of, "wgsl")
        };`;
      case "load": {
        const operand = code.operands[line.operand]!;
        const name = `fused_${slots.indexOf(operand.slot)}`;
        return `let ${line.name} = ${loadText(name, operand, line.at)};`;
      }
      case "value":
        return `let ${line.name} = ${line.text};`;
    }
  });
  const body = [...lines, `return ${stored(code.result, dtype)};`].join("\n  ");
  return {
    body,
    declarations: [...declared, ...mentioned(body)].join("\n"),
    slots,
  };
}

function stored(result: string, dtype: DType): string {
  return dtype === "bool" ? `select(0u, 1u, ${result})` : result;
}

const FUNCTIONS: readonly { name: string; text: string }[] = [
  ...kernelText("functions").matchAll(/^fn (\w+)\([\s\S]*?^\}/gm),
].map(([text, name]) => ({ name: name!, text }));

/** The functions of the common tongue that a text mentions. */
function mentioned(body: string): string[] {
  return FUNCTIONS.filter(({ name }) => new RegExp(`\\b${name}\\(`).test(body))
    .map(({ text }) => text);
}

// The specification's limit, which adapters seldom exceed.
const MAX_GROUPS = 65535;

/** Spreads a number of workgroups over x and y. */
function spread(
  workgroups: KernelCall["workgroups"],
): readonly [number, number, number] {
  if (typeof workgroups !== "number") return workgroups;
  if (workgroups <= MAX_GROUPS) return [workgroups, 1, 1];
  const y = Math.ceil(workgroups / MAX_GROUPS);
  return [Math.ceil(workgroups / y), y, 1];
}
