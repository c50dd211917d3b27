import { closingBracket } from "./closing_bracket.ts";
import type { KernelFacts, WorkgroupVariable } from "./kernel_facts.ts";

/** The workgroup memory that several kernels use in turn. */
export interface SharedMemory {
  /** Its bytes. */
  readonly bytes: number;
  /** Its variables as WGSL declares them. */
  readonly declarations: readonly string[];
}

/**
 * Lays the workgroup variables of kernels over each other: all of one type of
 * element are one array, of which each kernel uses the start.
 *
 * @param facts The kernels.
 * @returns The memory.
 */
export function shareMemory(facts: readonly KernelFacts[]): SharedMemory {
  const counts = new Map<string, number>();
  for (const { shared } of facts) {
    const own = new Map<string, number>();
    for (const variable of shared) {
      const { element } = variable;
      own.set(element, (own.get(element) ?? 0) + elements(variable));
    }
    for (const [element, count] of own) {
      counts.set(element, Math.max(counts.get(element) ?? 0, count));
    }
  }
  return {
    bytes: [...counts].reduce(
      (sum, [element, count]) => sum + count * bytesOf(element),
      0,
    ),
    declarations: [...counts].map(([element, count]) =>
      `var<workgroup> ${nameOf(element)}: array<${element}, ${count}>;`
    ),
  };
}

/**
 * Makes a kernel use the memory that it shares with others.
 *
 * @param text The kernel, without its own declarations of workgroup variables.
 * @param facts What it has declared.
 * @returns The kernel with other names and indexes.
 */
export function withSharedMemory(
  text: string,
  { shared }: KernelFacts,
): string {
  const starts = new Map<string, number>();
  for (const variable of shared) {
    const { element } = variable;
    const start = starts.get(element) ?? 0;
    starts.set(element, start + elements(variable));
    text = flattened(text, variable, start);
  }
  return text;
}

/** Replaces each element of a variable by one of the array behind it. */
function flattened(
  text: string,
  { name, element, sizes }: WorkgroupVariable,
  start: number,
): string {
  const pattern = new RegExp(`(?<![.\\w])${name}\\[`, "g");
  let out = "";
  let last = 0;
  for (const { index } of text.matchAll(pattern)) {
    if (index < last) continue; // within an index of the same variable
    let at = index + name.length;
    let place = "";
    for (const size of sizes) {
      const end = closingBracket(text, at);
      const own = flattened(
        text.slice(at + 1, end),
        { name, element, sizes },
        start,
      );
      place = place === "" ? `(${own})` : `(${place} * ${size}u + (${own}))`;
      at = end + 1;
    }
    const offset = start === 0 ? "" : `${start}u + `;
    out += `${text.slice(last, index)}${nameOf(element)}[${offset}${place}]`;
    last = at;
  }
  return out + text.slice(last);
}

function elements({ sizes }: WorkgroupVariable): number {
  return sizes.reduce((product, size) => product * size, 1);
}

function nameOf(element: string): string {
  return `shared_${element.replace(/\W+/g, "_").replace(/_$/, "")}`;
}

function bytesOf(element: string): number {
  const width = Number(/^vec(\d)/.exec(element)?.[1] ?? 1);
  return 4 * (width === 3 ? 4 : width);
}
