import { type Binding, parseBindings } from "./bindings.ts";
import { constantExpression, type Lookup } from "./constant_expression.ts";

/** A variable that the threads of a workgroup share. */
export interface WorkgroupVariable {
  /** Its name in the kernel. */
  readonly name: string;
  /** The type of its elements: a number, or a vector of them. */
  readonly element: string;
  /** The size of each array around an element, the outermost first. */
  readonly sizes: readonly number[];
}

/** What joining kernels has to know of one. */
export interface KernelFacts {
  /** Its bindings, with types in which no alias is left. */
  readonly bindings: readonly Binding[];
  /** The threads of a workgroup. */
  readonly threads: number;
  /** Whether its threads wait for each other. */
  readonly waits: boolean;
  /** What they share. */
  readonly shared: readonly WorkgroupVariable[];
  /** The names of everything else at module scope, `main` included. */
  readonly names: readonly string[];
}

const CONSTANT = /^const (\w+)\s*(?::\s*\w+)?\s*=\s*([^;]+);/gm;
const ALIAS = /^alias (\w+)\s*=\s*([^;]+);/gm;
const SHARED = /^var<workgroup> (\w+)\s*:\s*([^;]+);/gm;
const NAMED = /^(?:@compute[^{;]*?)?(?:const|alias|fn) (\w+)/gm;

/**
 * Reads off a kernel what joining has to know of it.
 *
 * @param text The kernel, without comments.
 * @returns The facts.
 * @throws {RangeError} Where a size is no constant.
 */
export function kernelFacts(text: string): KernelFacts {
  const constants = new Map(
    [...text.matchAll(CONSTANT)].map(([, name, value]) => [name!, value!]),
  );
  const lookup: Lookup = (name) => {
    const value = constants.get(name);
    return value === undefined ? undefined : constantExpression(value, lookup);
  };
  const aliases = new Map(
    [...text.matchAll(ALIAS)].map(([, name, type]) => [name!, type!]),
  );
  const plain = (type: string): string =>
    type.replace(/\w+/g, (word) => aliases.get(word) ?? word)
      .replace(/\bvec([234])([fu])\b/g, (_, n, t) => `vec${n}<${t}32>`)
      .replace(
        /,\s*([^<>,]+)>/g,
        (_, size) => `, ${constantExpression(size, lookup).value}>`,
      ).replace(/\s+/g, " ").trim();
  const threads = /@workgroup_size\((.*)\)\s*fn main/.exec(text)?.[1];
  return {
    bindings: parseBindings(text).map((binding) => ({
      ...binding,
      type: plain(binding.type),
    })),
    threads: constantExpression(threads ?? "1", lookup).value,
    waits: text.includes("workgroupBarrier()"),
    shared: [...text.matchAll(SHARED)].map(([, name, type]) => ({
      name: name!,
      element: /^(?:array<)*(\w+(?:<\w+>)?)/.exec(plain(type!))![1]!,
      sizes: [...plain(type!).matchAll(/, (\d+)>/g)]
        .map(([, size]) => Number(size)).toReversed(),
    })),
    names: [...text.matchAll(NAMED)].map(([, name]) => name!),
  };
}
