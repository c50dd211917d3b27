import { isQuantized, isRowMajor } from "@wick/core-tensor";
import type {
  DeviceTraits,
  KernelCall,
  KernelOperand,
  View,
} from "@wick/core-tensor";
import type { Step, StepMain, StepOperand } from "@wick/graph";
import {
  type Binding,
  bindings,
  hasHook,
  kernelSource,
} from "@wick/kernels-wgsl";
import { computedLoad } from "./computed_load.ts";
import { isPacked, loadText } from "./element_text.ts";
import { elementwiseCode } from "./elementwise_code.ts";
import { computesFours, fusedFourText, fusedText } from "./fused_text.ts";
import { KernelBuffers } from "./kernel_buffers.ts";
import { subgroupHooks } from "./subgroup_hooks.ts";

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
  /** The call that it was made of; absent if the step is element-wise. */
  readonly call?: KernelCall;
}

/** Options of {@linkcode wgslCode}. */
export interface WgslCodeOptions {
  /** A call whose threads compute the same elements, if that can be. */
  readonly like?: KernelCall;
  /** Whether fused code computes one element at a time. */
  readonly single?: boolean;
}

/**
 * Gives the shader of a step.
 *
 * @param step The step.
 * @param traits What the device is like.
 * @param options How its threads are to be.
 * @returns The text, its buffers, and how many workgroups run it.
 */
export function wgslCode(
  step: Step,
  traits: DeviceTraits,
  { like, single = false }: WgslCodeOptions = {},
): KernelCode {
  if (step.main) return mainCode(step, step.main, traits, like, single);
  const { text, slots, workgroups } = elementwiseCode(
    step,
    step.fused!,
    traits,
    single,
  );
  return {
    text,
    slots: [step.output, ...slots],
    writes: [true, ...slots.map(() => false)],
    workgroups: spread(workgroups),
  };
}

/** The hook of a kernel that stores vectors. */
const FOUR = "epilogue_four";

function mainCode(
  { fused, output }: Step,
  main: StepMain,
  device: DeviceTraits,
  like: KernelCall | undefined,
  single: boolean,
): KernelCode {
  const { operation, attributes, operands, shape, dtype } = main;
  if (!operation.kernel) {
    throw new TypeError(
      `Cannot run ${operation.name} on WebGPU: it has no kernel`,
    );
  }
  const call: KernelCall = operation.kernel({
    attributes,
    inputs: operands.map(kernelOperand),
    output: { shape, dtype },
    device,
    ...(like && { like }),
  });
  const own = bindings(call.kernel).toSorted((a, b) => a.binding - b.binding);
  const buffers = new KernelBuffers(own.length);
  const hooks: Record<string, string> = {
    ...call.hooks,
    ...(call.subgroups && subgroupHooks(call, device.subgroupSize!)),
  };
  const functions = new Set<string>();
  const packed: string[] = [];
  operands.forEach((operand, index) => {
    const { name } = own[index]!;
    if (operand.slot === undefined) {
      const load = computedLoad(call.kernel, name, operand, buffers);
      hooks[load.hook] = load.body;
      for (const text of load.functions) functions.add(text);
      return;
    }
    const hook = `load_${name}`;
    // A kernel that reads vectors has been told how they lie.
    if (isPlain(operand) || hasHook(call.kernel, `read_${name}`)) return;
    if (!hasHook(call.kernel, hook)) {
      if (operation.accepts?.(index, operand)) return;
      throw new TypeError(
        `Cannot run ${operation.name}: its kernel has no way to read operand ${index} as it lies`,
      );
    }
    hooks[hook] = `return ${loadText(name, operand, "i")};`;
    if (isPacked(operand.dtype) || isQuantized(operand.dtype)) {
      packed.push(name);
    }
  });
  if (fused) {
    const fours = !single && hasHook(call.kernel, FOUR) && computesFours(fused);
    const { body, functions: used } = fours
      ? fusedFourText(fused, buffers, "f32", "finish", true)
      : fusedText(fused, buffers);
    hooks[fours ? FOUR : "epilogue"] = body;
    for (const text of used) functions.add(text);
  }
  let text = kernelSource(call.kernel, {
    sizes: call.sizes,
    ...(call.types && { types: call.types }),
    hooks,
    declarations: [buffers.declarations, ...functions].join("\n"),
  });
  for (const name of packed) {
    text = text.replace(
      new RegExp(`(var<storage, read> ${name}: )array<f32>`),
      "$1array<u32>",
    );
  }
  const kept = own.filter((_, index) =>
    operands[index]?.slot !== undefined || index >= operands.length
  );
  const slots = operands.flatMap(({ slot }) =>
    slot === undefined ? [] : [slot]
  );
  // An operation that updates an operand has no buffer for a result.
  if (operation.updates === undefined) slots.push(output);
  return {
    text: kept.length === own.length
      ? text
      : withoutBindings(text, own.filter((binding) => !kept.includes(binding))),
    slots: [...slots, ...buffers.all.map(({ slot }) => slot)],
    writes: [
      ...kept.map(({ access }) => access === "read_write"),
      ...buffers.all.map(({ written }) => written),
    ],
    workgroups: spread(call.workgroups),
    call,
  };
}

/** An operand as the rules see it that choose kernels. */
function kernelOperand(operand: StepMain["operands"][number]): KernelOperand {
  if (operand.slot !== undefined) return operand;
  const { dtype, view, code } = operand;
  return { dtype, view, computed: { vectors: computesFours(code) } };
}

/** Takes the bindings of operands away that are computed, and numbers the rest. */
function withoutBindings(text: string, gone: readonly Binding[]): string {
  let number = 0;
  return text.replace(
    /@group\(0\) @binding\((\d+)\) (var<[^>]*> (\w+): [^;]+;)/g,
    (_, _number, rest: string, name: string) =>
      gone.some((binding) => binding.name === name)
        ? ""
        : `@group(0) @binding(${number++}) ${rest}`,
  );
}

/** Whether an operand is read by its logical index as it lies. */
function isPlain({ dtype, view }: StepOperand): boolean {
  return !isPacked(dtype) && !isQuantized(dtype) && dtype !== "bool" &&
    isWholeFromStart(view);
}

function isWholeFromStart(view: View): boolean {
  return view.offset === 0 && isRowMajor(view);
}

// The specification's limit, which adapters seldom exceed.
const MAX_GROUPS = 65535;

/**
 * Spreads a number of workgroups over x and y.
 *
 * @param workgroups The number, or how many along each dimension.
 * @returns How many along each dimension; may be a few more.
 */
export function spread(
  workgroups: KernelCall["workgroups"],
): readonly [number, number, number] {
  if (typeof workgroups !== "number") return workgroups;
  if (workgroups <= MAX_GROUPS) return [workgroups, 1, 1];
  const y = Math.ceil(workgroups / MAX_GROUPS);
  return [Math.ceil(workgroups / y), y, 1];
}
