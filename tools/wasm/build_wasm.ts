/**
 * Writes `packages/async-exec/cpu/_wasm.ts` from the AssemblyScript in
 * `kernels/wasm/`: the module twice, with and without relaxed SIMD, as base64.
 * With `--check` it writes nothing and fails where the file is out of date.
 *
 * It stands outside of the workspace, with a lock file of its own, so that
 * nobody downloads the compiler but who builds the kernels.
 *
 * @module
 */
import compiler from "npm:assemblyscript@0.28.20/asc";

const SOURCE = new URL("../../kernels/wasm/", import.meta.url);
const TARGET = new URL(
  "../../packages/async-exec/cpu/_wasm.ts",
  import.meta.url,
);
const FEATURES = "simd,threads,bulk-memory";

/**
 * Compiles AssemblyScript to a WebAssembly module that shares a memory.
 *
 * @param sources The text of each file, by name; it starts at `mod.ts`.
 * @param relaxed Whether it may use relaxed SIMD.
 * @returns The module.
 * @throws {SyntaxError} If the text does not compile.
 */
export async function compileKernels(
  sources: ReadonlyMap<string, string>,
  relaxed: boolean,
): Promise<Uint8Array> {
  let module: Uint8Array | undefined;
  const { error, stderr } = await compiler.main(
    [
      "mod.ts",
      ...["--outFile", "out.wasm", "-O3", "--noAssert", "--runtime", "stub"],
      ...["--importMemory", "--sharedMemory"],
      ...["--initialMemory", "1", "--maximumMemory", "65536"],
      ...["--enable", relaxed ? `${FEATURES},relaxed-simd` : FEATURES],
    ],
    {
      readFile: (name) => sources.get(name) ?? null,
      writeFile: (_, contents) => {
        if (typeof contents !== "string") module = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || !module) {
    throw new SyntaxError(`Cannot compile the kernels: ${stderr.toString()}`);
  }
  return module;
}

/**
 * Gives the module that holds the compiled kernels.
 *
 * @param plain The module without relaxed SIMD.
 * @param relaxed The module with it.
 * @returns TypeScript.
 */
export function embedModules(plain: Uint8Array, relaxed: Uint8Array): string {
  const text = (module: Uint8Array): string =>
    module.toBase64().replace(/.{76}/g, "$&\\\n");
  return [
    "// Written by `deno task wasm` from kernels/wasm/*.ts. Do not edit.",
    "",
    "/** The kernels in WebAssembly SIMD, as base64. */",
    `export const PLAIN_KERNELS = \`${text(plain)}\`;`,
    "",
    "/** The same with relaxed SIMD, whose multiply-add rounds once. */",
    `export const RELAXED_KERNELS = \`${text(relaxed)}\`;`,
    "",
  ].join("\n");
}

function readSources(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { name } of Deno.readDirSync(SOURCE)) {
    const text = Deno.readTextFileSync(new URL(name, SOURCE));
    sources.set(name, text.replaceAll("\r\n", "\n"));
  }
  return sources;
}

async function main(): Promise<void> {
  const sources = readSources();
  const wanted = embedModules(
    await compileKernels(sources, false),
    await compileKernels(sources, true),
  );
  if (!Deno.args.includes("--check")) {
    Deno.writeTextFileSync(TARGET, wanted);
    return;
  }
  if (Deno.readTextFileSync(TARGET).replaceAll("\r\n", "\n") !== wanted) {
    throw new Error(
      "Cannot accept packages/async-exec/cpu/_wasm.ts: it is out of date, run `deno task wasm`",
    );
  }
}

if (import.meta.main) await main();
