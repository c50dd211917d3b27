import type { KernelCode } from "./wgsl_code.ts";

/** Several kernels as one, whose workgroups are counted through. */
export interface JoinedKernels extends Omit<KernelCode, "workgroups"> {
  /** The workgroups of all. */
  readonly workgroups: number;
}

/** A declaration at module scope. */
interface Declaration {
  readonly name: string;
  readonly text: string;
}

const MAIN = "main";

/**
 * Makes one kernel of several whose workgroups have as many threads: the first
 * workgroups run the first, those after them the second, and so on. What is
 * equal in all, such as sizes, workgroup memory and functions that touch no
 * buffer, is there once.
 *
 * @param kernels The kernels.
 * @returns The kernel.
 */
export function joinKernels(kernels: readonly KernelCode[]): JoinedKernels {
  const parts = kernels.map(({ text }) => declarations(text));
  const own = ownNames(parts);
  const shared = new Set<string>();
  const lines: string[] = [];
  let binding = 0;
  parts.forEach((part, k) => {
    for (const { name, text } of part) {
      if (!own.has(name)) {
        if (shared.has(name)) continue;
        shared.add(name);
        lines.push(text);
        continue;
      }
      const renamed = rename(text, own, k).replace(
        /@binding\(\d+\)/,
        () => `@binding(${binding++})`,
      );
      lines.push(name === MAIN ? asFunction(renamed) : renamed);
    }
  });
  const size = /@workgroup_size\(([\s\S]*?)\)\s*fn main/.exec(kernels[0]!.text);
  const enables = kernels.flatMap(({ text }) =>
    [...text.matchAll(/^enable [^;]+;/gm)].map(([line]) => line)
  );
  const counts = kernels.map(({ workgroups: [x, y, z] }) => x * y * z);
  return {
    text: [
      ...new Set(enables),
      ...lines,
      `@compute @workgroup_size(${rename(size![1]!, own, 0)})`,
      joinedMain(kernels, counts),
    ].join("\n"),
    slots: kernels.flatMap(({ slots }) => slots),
    writes: kernels.flatMap(({ writes }) => writes),
    workgroups: counts.reduce((total, count) => total + count, 0),
  };
}

function joinedMain(
  kernels: readonly KernelCode[],
  counts: readonly number[],
): string {
  let first = 0;
  const calls = kernels.map(({ text, workgroups: [x, y, z] }, k) => {
    const at = `(group - ${first}u)`;
    const id = `vec3u(${at} % ${x}u, ${at} / ${x}u % ${y}u, ${at} / ${x * y}u)`;
    const given = new Map([
      ["workgroup_id", id],
      ["num_workgroups", `vec3u(${x}u, ${y}u, ${z}u)`],
      ["local_invocation_index", "thread"],
      ["local_invocation_id", "place"],
    ]);
    const names = [...mainHead(text).matchAll(/@builtin\((\w+)\)/g)];
    first += counts[k]!;
    const call = `${MAIN}_${k}(${
      names.map(([, name]) => given.get(name!)!).join(", ")
    });`;
    return `  if group < ${first}u {\n    ${call}\n    return;\n  }`;
  });
  return [
    "fn main(",
    "  @builtin(workgroup_id) wid: vec3u,",
    "  @builtin(num_workgroups) groups: vec3u,",
    "  @builtin(local_invocation_index) thread: u32,",
    "  @builtin(local_invocation_id) place: vec3u,",
    ") {",
    "  let group = wid.x + wid.y * groups.x;",
    ...calls,
    "}",
  ].join("\n");
}

/** The parameters of the entry point. */
function mainHead(text: string): string {
  const start = text.search(/\bfn main\s*\(/);
  return text.slice(start, text.indexOf("{", start));
}

/** The entry point as a plain function. */
function asFunction(text: string): string {
  return text.replace(/@compute\s*@workgroup_size\([\s\S]*?\)\s*(?=fn )/, "")
    .replace(/@builtin\(\w+\)\s*/g, "");
}

/** Cuts a module into its declarations: to the semicolon or the last bracket. */
function declarations(text: string): Declaration[] {
  const found: Declaration[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === "{") depth++;
    if (letter === "}") depth--;
    if (depth > 0 || (letter !== ";" && letter !== "}")) continue;
    const declaration = text.slice(start, at + 1).trim();
    start = at + 1;
    const name =
      /\b(?:fn|const|alias|struct|override)\s+(\w+)|\bvar(?:<[^>]*>)?\s+(\w+)/
        .exec(declaration);
    if (name) found.push({ name: name[1] ?? name[2]!, text: declaration });
  }
  return found;
}

/**
 * The names that each kernel needs for itself: its bindings, its entry point,
 * what is not the same text in all, and what mentions one of these.
 */
function ownNames(parts: readonly (readonly Declaration[])[]): Set<string> {
  const texts = new Map<string, Set<string>>();
  const own = new Set([MAIN]);
  for (const part of parts) {
    for (const { name, text } of part) {
      const known = texts.get(name) ?? new Set();
      texts.set(name, known.add(text));
      if (/@binding\(/.test(text)) own.add(name);
    }
  }
  const all = [...texts];
  for (const [name, versions] of all) if (versions.size > 1) own.add(name);
  for (let size = -1; size !== own.size;) {
    size = own.size;
    for (const [name, [text]] of all) {
      if (!own.has(name) && mentions(text!, own)) own.add(name);
    }
  }
  return own;
}

function mentions(text: string, names: ReadonlySet<string>): boolean {
  return [...text.matchAll(/(?<!\.)\b[A-Za-z_]\w*/g)].some(([name]) =>
    names.has(name)
  );
}

/** Gives names that a kernel has for itself its number. */
function rename(text: string, own: ReadonlySet<string>, k: number): string {
  return text.replace(
    /(?<!\.)\b[A-Za-z_]\w*/g,
    (name) => own.has(name) ? `${name}_${k}` : name,
  );
}
