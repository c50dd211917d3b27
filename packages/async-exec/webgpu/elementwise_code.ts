import { type DeviceTraits, elementCount } from "@wick/core-tensor";
import type { FusedCode, Step } from "@wick/graph";
import { kernelSource } from "@wick/kernels-wgsl";
import { fourType, isPacked, wordType } from "./element_text.ts";
import { computesFours, fusedFourText, fusedText } from "./fused_text.ts";
import { KernelBuffers } from "./kernel_buffers.ts";

/** Element-wise code as a shader. */
export interface ElementwiseCode {
  /** The text of the shader. */
  readonly text: string;
  /** The slots that it reads, in the order of the bindings after the result. */
  readonly slots: readonly number[];
  /** Workgroups; may be spread over x and y. */
  readonly workgroups: number;
}

// With fewer elements than this there are too few threads if each has four.
const MANY = { software: 2 ** 10, gpu: 2 ** 14 } as const;

/**
 * Gives the shader of a step that is element-wise: four elements a thread where
 * there are many and all operands can be read so, else one.
 *
 * @param step The step.
 * @param fused Its code.
 * @param device What the device is like.
 * @param single Whether each thread computes one element, however many there are.
 * @returns The shader.
 */
export function elementwiseCode(
  { dtype, shape }: Step,
  fused: FusedCode,
  device: DeviceTraits,
  single = false,
): ElementwiseCode {
  const count = elementCount(shape);
  const THREADS = device.adapterClass === "software"
    ? 64
    : Math.min(256, device.maxWorkgroupThreads);
  const buffers = new KernelBuffers(1);
  const declarations = (functions: readonly string[]): string =>
    [buffers.declarations, ...functions].join("\n");
  const slots = (): number[] => buffers.all.map(({ slot }) => slot);
  if (
    !single && count >= MANY[device.adapterClass] && count % 4 === 0 &&
    computesFours(fused)
  ) {
    const { body, functions } = fusedFourText(fused, buffers, dtype);
    return {
      text: kernelSource("elementwise_vectors", {
        sizes: { COUNT: count, THREADS },
        types: { Four: fourType(dtype) },
        hooks: { epilogue: body },
        declarations: declarations(functions),
      }),
      slots: slots(),
      workgroups: Math.ceil(count / 4 / THREADS),
    };
  }
  const { body, functions } = fusedText(fused, buffers, dtype);
  const halves = isPacked(dtype);
  return {
    text: kernelSource(halves ? "elementwise_halves" : "elementwise", {
      sizes: {
        COUNT: count,
        THREADS,
        ...(halves && { BRAIN: dtype === "bf16" ? 1 : 0 }),
      },
      ...(!halves && { types: { Output: wordType(dtype) } }),
      hooks: { epilogue: body },
      declarations: declarations(functions),
    }),
    slots: slots(),
    workgroups: Math.ceil((halves ? count / 2 : count) / THREADS),
  };
}
