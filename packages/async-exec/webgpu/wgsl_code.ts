import { isQuantized, isRowMajor } from "@wick/core-tensor";
import type { DeviceTraits, KernelCall, View } from "@wick/core-tensor";
import type { Step, StepMain, StepOperand } from "@wick/graph";
import { bindings, hasHook, kernelSource } from "@wick/kernels-wgsl";
import { isPacked, loadText } from "./element_text.ts";
import { elementwiseCode } from "./elementwise_code.ts";
import { fusedText } from "./fused_text.ts";

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
  if (step.main) return mainCode(step, step.main, traits);
  const { text, slots, workgroups } = elementwiseCode(
    step,
    step.fused!,
    traits,
  );
  return {
    text,
    slots: [step.output, ...slots],
    writes: [true, ...slots.map(() => false)],
    workgroups: spread(workgroups),
  };
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

/** Spreads a number of workgroups over x and y. */
function spread(
  workgroups: KernelCall["workgroups"],
): readonly [number, number, number] {
  if (typeof workgroups !== "number") return workgroups;
  if (workgroups <= MAX_GROUPS) return [workgroups, 1, 1];
  const y = Math.ceil(workgroups / MAX_GROUPS);
  return [Math.ceil(workgroups / y), y, 1];
}
