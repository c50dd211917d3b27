/**
 * Fails where a package imports one that does not stand to its left in the
 * order of the design, or `@wick/testing`. Tests, benches and doc comments may
 * import anything: an operation is tested by running it.
 *
 * @module
 */

/** The packages, each of which imports only from those before it. */
const LAYERS = [
  "kernels-wgsl",
  "core-tensor",
  "graph",
  "async-exec",
  "models",
  "lora",
  "distributed",
  "training",
  "cli",
];

const IMPORT =
  /(?:\bfrom\s*|\bimport\s*\(?\s*)["'](@wick\/[^"']+|\.\.?\/[^"']+)["']/g;

/** A file of a package. */
export interface Source {
  /** Its path from the root, with forward slashes. */
  path: string;
  /** Its text. */
  text: string;
}

/**
 * Lists the imports that go against the order.
 *
 * @param sources The files of `packages/`.
 * @returns A sentence for each fault.
 */
export function layerFaults(sources: Iterable<Source>): string[] {
  const faults: string[] = [];
  for (const { path, text } of sources) {
    const [, owner = ""] = path.split("/");
    const tested = /_(?:test|bench)\.ts$/.test(path);
    if (owner !== "testing" && !LAYERS.includes(owner)) {
      faults.push(`${path}: "${owner}" has no place in the order`);
      continue;
    }
    for (const [, specifier] of withoutComments(text).matchAll(IMPORT)) {
      const other = packageOf(specifier!, path);
      if (other === undefined || other === owner || owner === "testing") {
        continue;
      }
      if (tested || isBefore(other, owner)) continue;
      faults.push(`${path}: "${owner}" may not import "${other}"`);
    }
  }
  return faults;
}

function isBefore(other: string, owner: string): boolean {
  const place = LAYERS.indexOf(other);
  return place >= 0 && place < LAYERS.indexOf(owner);
}

/** The package that an import leads to, or `undefined` if none of ours. */
function packageOf(specifier: string, path: string): string | undefined {
  if (specifier.startsWith("@wick/")) return specifier.split("/")[1];
  const target = new URL(specifier, `file:///${path}`).pathname.split("/");
  return target[1] === "packages" ? target[2] : undefined;
}

/** Code without comments; strings stay, since imports are strings. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, string: string | undefined) => string ?? " ",
  );
}

function* readSources(path: string): Generator<Source> {
  const root = new URL("../", import.meta.url);
  for (const { name, isDirectory } of Deno.readDirSync(new URL(path, root))) {
    if (isDirectory) yield* readSources(`${path}${name}/`);
    else if (name.endsWith(".ts")) {
      const file = new URL(path + name, root);
      yield { path: path + name, text: Deno.readTextFileSync(file) };
    }
  }
}

if (import.meta.main) {
  const faults = layerFaults(readSources("packages/"));
  if (faults.length > 0) throw new Error(`Layers:\n${faults.join("\n")}`);
}
