import type { ComputedOperand } from "@wick/graph";
import { hasHook, kernelText } from "@wick/kernels-wgsl";
import { indexExpression, indexMap } from "../index_terms.ts";
import { wordType } from "./element_text.ts";
import { fusedFourText, fusedText } from "./fused_text.ts";
import type { KernelBuffers } from "./kernel_buffers.ts";

/** A hook of a kernel that computes what it loads. */
export interface ComputedLoad {
  /** The hook. */
  readonly hook: string;
  /** Its body. */
  readonly body: string;
  /** The functions that it uses. */
  readonly functions: readonly string[];
}

/**
 * Writes the hook through which a kernel loads an operand that is computed: one
 * element of it, or four where the kernel reads vectors.
 *
 * @param kernel The kernel.
 * @param name The operand, as the kernel calls it.
 * @param operand What gives its elements.
 * @param buffers The buffers of the kernel; those that it uses are added.
 * @returns The hook.
 * @throws {TypeError} If the kernel has no hook for the operand.
 */
export function computedLoad(
  kernel: string,
  name: string,
  { dtype, view, code, stored }: ComputedOperand,
  buffers: KernelBuffers,
): ComputedLoad {
  const byPlace = hasHook(kernel, `read_${name}`);
  const hook = byPlace ? `read_${name}` : `load_${name}`;
  if (!hasHook(kernel, hook)) {
    throw new TypeError(
      `Cannot compute ${name} as ${kernel} loads it: the kernel has no hook for it`,
    );
  }
  if (byPlace && givesFour(hook).test(kernelText(kernel))) {
    const four = fusedFourText(code, buffers, dtype, `element_of_${name}`);
    const store = stored === undefined
      ? ""
      : `${buffers.write(stored, `vec4<${wordType(dtype)}>`)}[i] = value;`;
    return {
      hook,
      body: `let value = four_of_${name}(4u * i); ${store} return value;`,
      functions: [
        ...four.functions,
        `fn four_of_${name}(i: u32) -> vec4f {\n  ${four.body}\n}`,
      ],
    };
  }
  const { body, functions } = fusedText(code, buffers, dtype);
  const at = byPlace ? "i" : indexExpression(indexMap(view), "i", "wgsl");
  const store = stored === undefined
    ? ""
    : `${buffers.write(stored, wordType(dtype))}[at] = value;`;
  return {
    hook,
    body:
      `let at = ${at}; let value = one_of_${name}(at); ${store} return value;`,
    functions: [
      ...functions,
      `fn one_of_${name}(i: u32) -> ${wordType(dtype)} {\n  ${body}\n}`,
    ],
  };
}

/** Tells whether a hook gives four elements. */
function givesFour(hook: string): RegExp {
  return new RegExp(`\\bfn ${hook}\\(i: u32\\) -> vec4f`);
}
