import { PEER_FOLDER } from "./modules.ts";
import { PEER_PACKAGES } from "./install.ts";

/**
 * What a run reads of each package, as patterns of paths below `node_modules`.
 * The native library of onnxruntime-node stays out: it is large.
 */
const NEEDED: readonly RegExp[] = [
  /^@jax-js\/jax\/dist\/[^/]+\.js$/,
  /^@tensorflow\/tfjs\/dist\/tf\.node\.js$/,
  /^@tensorflow\/tfjs-[\w-]+\/dist\/tf-[\w-]+\.node\.js$/,
  /^@tensorflow\/tfjs-backend-wasm\/dist\/[\w-]+\.wasm$/,
  /^onnxruntime-web\/dist\/ort\.jspi\.bundle\.min\.mjs$/,
  /^onnxruntime-web\/dist\/ort-wasm-simd-threaded\.jspi\.(wasm|mjs)$/,
  /^webgpu-torch\/[\w-]+\.js$/,
  // What TensorFlow.js requires.
  /^(long|seedrandom|node-fetch|whatwg-url|tr46|webidl-conversions|string_decoder|safe-buffer)\/.+\.(js|json)$/,
];

/**
 * Packs what a run of the peers reads, some megabytes, for a machine without a
 * network: unpack it in the root of the repository.
 *
 * @param file The archive, `.tar.xz`.
 */
export function packPeers(file: string): void {
  const root = `${PEER_FOLDER}node_modules/`;
  const paths = [...filesBelow(root)]
    .map((path) => path.slice(root.length))
    .filter((path) =>
      NEEDED.some((pattern) => pattern.test(path)) || isManifest(path)
    );
  const list = Deno.makeTempFileSync();
  try {
    const lines = paths.map((path) => `out/peers/node_modules/${path}\n`);
    Deno.writeTextFileSync(list, lines.join(""));
    const { success } = new Deno.Command("tar", {
      args: ["-cJf", file, "-C", `${PEER_FOLDER}../..`, "-T", list],
      stderr: "inherit",
    }).outputSync();
    if (!success) throw new TypeError(`Cannot pack the peers in ${file}`);
  } finally {
    Deno.removeSync(list);
  }
}

/** The manifests say versions and which file is the main one. */
function isManifest(path: string): boolean {
  const [, name] = /^((?:@[\w-]+\/)?[\w-]+)\/package\.json$/.exec(path) ?? [];
  if (name === undefined || name === "onnxruntime-node") return false;
  return name in PEER_PACKAGES || name.startsWith("@tensorflow/");
}

function* filesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = `${folder}${name}`;
    if (isDirectory) yield* filesBelow(`${path}/`);
    else if (isFile) yield path;
  }
}
