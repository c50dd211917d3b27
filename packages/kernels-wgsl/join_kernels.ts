import type { Binding } from "./bindings.ts";
import { type KernelFacts, kernelFacts } from "./kernel_facts.ts";
import { shareMemory, withSharedMemory } from "./share_memory.ts";

/** A kernel that is to become a part of another. */
export interface KernelPart {
  /** Its text, without comments. */
  readonly text: string;
  /** The buffer at each of its bindings, as any number. */
  readonly buffers: readonly number[];
  /** Its workgroups along each dimension. */
  readonly workgroups: readonly [number, number, number];
  /**
   * Whether only its `epilogue` is taken, to be run on each element right after
   * the kernel before it in the chain has stored it.
   */
  readonly onElements?: boolean;
}

/** Several kernels as one. */
export interface JoinedKernel {
  /** The text. */
  readonly text: string;
  /** The buffer at each binding. */
  readonly buffers: readonly number[];
  /** Whether each is written. */
  readonly writes: readonly boolean[];
  /** Workgroups; may be spread over x and y. */
  readonly workgroups: number;
}

/**
 * Makes one kernel of several: chains of kernels that run side by side, each in
 * workgroups of its own. The kernels of a chain run one after the other in the
 * same threads, so each must compute the same elements in the same thread; what
 * one stores, the next may read at that element.
 *
 * A kernel is renamed, not rewritten, so each is as fast as alone.
 *
 * @param chains The kernels. Those whose threads wait for each other must have
 *   workgroups of one size, and all read a buffer that one of them writes only
 *   as `name[i]`.
 * @param maxWorkgroupBytes The memory of a workgroup at most.
 * @returns The kernel, or `undefined` if they cannot be joined.
 */
export function joinKernels(
  chains: readonly (readonly KernelPart[])[],
  maxWorkgroupBytes: number,
): JoinedKernel | undefined {
  const facts = chains.map((chain) =>
    chain.map(({ text }) => kernelFacts(text))
  );
  // What runs on elements has no threads of its own.
  const kernels = facts.flatMap((own, c) =>
    own.filter((_, p) => !chains[c]![p]!.onElements)
  );
  const threads = Math.max(...kernels.map(({ threads }) => threads));
  if (kernels.some((own) => own.waits && own.threads !== threads)) {
    return undefined;
  }
  const buffers = shareBuffers(chains, facts);
  const memory = shareMemory(kernels);
  if (!buffers || memory.bytes > maxWorkgroupBytes) return undefined;

  const texts: string[] = [];
  const branches: string[] = [];
  let first = 0;
  let ordinal = 0;
  for (const [c, chain] of chains.entries()) {
    const [x, y, z] = chain[0]!.workgroups;
    const calls = [
      `let rest = group - ${first}u;`,
      `let at = vec3u(rest % ${x}u, rest / ${x}u % ${y}u, rest / ${x * y}u);`,
    ];
    let kernel: { readonly at: number; readonly out: string } | undefined;
    for (const [p, part] of chain.entries()) {
      const own = facts[c]![p]!;
      const mark = `_${ordinal++}`;
      const names = new Map(own.names.map((name) => [name, name + mark]));
      const text = renamed(part, own, names, buffers);
      const written = own.bindings.find(isWritten);
      if (text === undefined || !written) return undefined;
      const out = buffers.name(part, written);
      if (part.onElements) {
        const { at, out: stored } = kernel!;
        texts[at] = thenOnElements(texts[at]!, mark, out);
        texts.push(readingStored(text, stored));
        continue;
      }
      if (kernel && own.shared.length > 0) calls.push("workgroupBarrier();");
      kernel = { at: texts.push(plainMain(text)) - 1, out };
      const call = `main${mark}(at, vec3u(${x}u, ${y}u, ${z}u), lane);`;
      calls.push(
        own.threads === threads
          ? call
          : `if lane < ${own.threads}u { ${call} }`,
      );
    }
    branches.push(
      `if group < ${first + x * y * z}u {\n    ${calls.join("\n    ")}\n  }`,
    );
    first += x * y * z;
  }
  const joined = texts.join("\n");
  const enables = new Set(joined.match(/^enable .*;$/gm));
  return {
    text: [
      ...enables,
      ...buffers.declarations,
      ...memory.declarations,
      joined.replace(/^enable .*;$/gm, ""),
      `@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = wid.x + wid.y * count.x;
  ${branches.join(" else ")}
}`,
    ].join("\n").replace(/\n{2,}/g, "\n"),
    buffers: buffers.order,
    writes: buffers.writes,
    workgroups: first,
  };
}

interface SharedBuffers {
  readonly order: readonly number[];
  readonly writes: readonly boolean[];
  readonly declarations: readonly string[];
  /** The name of what a part binds; with its type where that is another. */
  name(part: KernelPart, binding: Binding): string;
  /** The type that the buffer of a binding is declared with. */
  type(part: KernelPart, binding: Binding): string;
}

const isWritten = ({ access }: Binding): boolean => access === "read_write";

/** One binding for each buffer that is written, one for each type read. */
function shareBuffers(
  chains: readonly (readonly KernelPart[])[],
  facts: readonly (readonly KernelFacts[])[],
): SharedBuffers | undefined {
  const written = new Map<number, string>();
  const bound = chains.flatMap((chain, c) =>
    chain.flatMap((part, p) =>
      facts[c]![p]!.bindings.map((binding) => ({ part, binding }))
    )
  );
  for (
    const { part, binding } of bound.filter(({ binding }) => isWritten(binding))
  ) {
    const buffer = part.buffers[binding.binding]!;
    if (written.has(buffer)) return undefined;
    written.set(buffer, binding.type);
  }
  const keys: string[] = [];
  const order: number[] = [];
  const writes: boolean[] = [];
  const declarations: string[] = [];
  const typeOf = (part: KernelPart, { binding, type }: Binding): string =>
    written.get(part.buffers[binding]!) ?? type;
  const keyOf = (part: KernelPart, binding: Binding): string =>
    `${part.buffers[binding.binding]!} ${typeOf(part, binding)}`;
  for (const { part, binding } of bound) {
    const key = keyOf(part, binding);
    if (keys.includes(key)) continue;
    const buffer = part.buffers[binding.binding]!;
    const write = written.has(buffer);
    declarations.push(
      `@group(0) @binding(${keys.length}) var<storage, ${
        write ? "read_write" : "read"
      }> buffer_${keys.length}: ${typeOf(part, binding)};`,
    );
    keys.push(key);
    order.push(buffer);
    writes.push(write);
  }
  return {
    ...{ order, writes, declarations },
    name: (part, binding) => `buffer_${keys.indexOf(keyOf(part, binding))}`,
    type: typeOf,
  };
}

const BINDING_LINES = /^@group\(\d+\)[^;]*;\n?/gm;
const SHARED_LINES = /^var<workgroup>[^;]*;\n?/gm;

/** A kernel with names of its own; `undefined` if it reads other elements. */
function renamed(
  part: KernelPart,
  facts: KernelFacts,
  names: Map<string, string>,
  buffers: SharedBuffers,
): string | undefined {
  let text = withSharedMemory(
    part.text.replace(BINDING_LINES, "").replace(SHARED_LINES, ""),
    facts,
  );
  for (const binding of facts.bindings) {
    const { name, type } = binding;
    names.set(name, buffers.name(part, binding));
    if (buffers.type(part, binding) === type) continue;
    // Another kernel of the chain stores vectors there.
    const whole = new RegExp(`(?<![.\\w])${name}\\[i\\]`, "g");
    text = text.replace(whole, `${name}[i / 4u][i % 4u]`);
    const other = new RegExp(
      `(?<![.\\w])${name}\\b(?!\\[i / 4u\\]\\[i % 4u\\])`,
    );
    if (other.test(text)) return undefined;
  }
  const pattern = new RegExp(
    `(?<![.\\w])(?:${[...names.keys()].join("|")})\\b`,
    "g",
  );
  return text.replace(pattern, (name) => names.get(name)!);
}

/** Turns the built-in values of the entry point into parameters. */
function plainMain(text: string): string {
  const start = text.indexOf("@compute");
  const open = text.indexOf("fn ", start);
  const brace = text.indexOf("{", open);
  const head = text.slice(open, brace);
  const name = /^fn (\w+)/.exec(head)![1]!;
  const parameter = (builtin: string): string =>
    new RegExp(`@builtin\\(${builtin}\\)\\s*(\\w+)`).exec(head)?.[1] ?? builtin;
  return `${text.slice(0, start)}fn ${name}(${
    parameter("workgroup_id")
  }: vec3u, ${parameter("num_workgroups")}: vec3u, ${
    parameter("local_invocation_index")
  }: u32) ${text.slice(brace)}`;
}

/** Runs another epilogue on each element that a kernel stores. */
function thenOnElements(text: string, mark: string, out: string): string {
  const name = /^fn (epilogue_\d+)\(/m.exec(text)![1]!;
  const inner = `${name}_before${mark}`;
  return `${text.replace(`fn ${name}(`, `fn ${inner}(`)}
fn ${name}(i: u32, value: f32) -> f32 {
  let stored = ${inner}(i, value);
  ${out}[i] = epilogue${mark}(i, stored);
  return stored;
}`;
}

/** Only the epilogue, given as `value` what the kernel before is to store. */
function readingStored(text: string, buffer: string): string {
  return text.slice(0, text.indexOf("@compute"))
    .replaceAll(`${buffer}[i / 4u][i % 4u]`, "value")
    .replaceAll(`${buffer}[i]`, "value");
}
