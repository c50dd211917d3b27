/**
 * Writes `packages/kernels-wgsl/_sources.ts` from `kernels/*.wgsl`, since
 * packages cannot be published with files that are imported as text. With
 * `--check` it writes nothing and fails where the file is out of date.
 *
 * @module
 */

const SOURCE = new URL("../kernels/", import.meta.url);
const TARGET = new URL("../packages/kernels-wgsl/_sources.ts", import.meta.url);

/**
 * Gives the module that holds the kernels.
 *
 * @param kernels Shader text by name.
 * @returns TypeScript.
 */
export function embedKernels(kernels: ReadonlyMap<string, string>): string {
  const names = [...kernels.keys()].sort();
  const type = names.map((name) => `\n  | ${JSON.stringify(name)}`).join("");
  const lines = [
    "// Written by `deno task kernels` from kernels/*.wgsl. Do not edit.",
    "",
    "/** The name of a file in `kernels/`, without `.wgsl`. */",
    `export type KernelName =${type || " never"};`,
    "",
    "/** Shader text by kernel name. */",
    "export const SOURCES: Readonly<Record<KernelName, string>> = {",
    ...names.map((name) =>
      `  ${JSON.stringify(name)}: \`${escape(kernels.get(name)!)}\`,`
    ),
    "};",
    "",
    "/** The names of all kernels, sorted. */",
    "export const KERNEL_NAMES: readonly KernelName[] = [",
    ...names.map((name) => `  ${JSON.stringify(name)},`),
    "];",
    "",
  ];
  return lines.join("\n");
}

function escape(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(/[`\\]|\$\{/g, "\\$&");
}

function readKernels(): Map<string, string> {
  const kernels = new Map<string, string>();
  for (const { name } of Deno.readDirSync(SOURCE)) {
    if (!name.endsWith(".wgsl")) continue;
    const kernel = name.slice(0, -".wgsl".length);
    if (!/^[a-z]\w*$/.test(kernel)) {
      throw new RangeError(
        `Cannot embed kernels/${name}: write the name in snake_case`,
      );
    }
    kernels.set(kernel, Deno.readTextFileSync(new URL(name, SOURCE)));
  }
  return kernels;
}

function main(): void {
  const wanted = embedKernels(readKernels());
  if (!Deno.args.includes("--check")) {
    Deno.writeTextFileSync(TARGET, wanted);
    return;
  }
  if (Deno.readTextFileSync(TARGET).replaceAll("\r\n", "\n") !== wanted) {
    throw new Error(
      "Cannot accept packages/kernels-wgsl/_sources.ts: it is out of date, run `deno task kernels`",
    );
  }
}

if (import.meta.main) main();
