import { PEER_FOLDER, peerVersion } from "./modules.ts";

/** What is installed from npm, each at one version. */
export const PEER_PACKAGES: Readonly<Record<string, string>> = {
  "@jax-js/jax": "0.1.25",
  "@tensorflow/tfjs": "4.22.0",
  "@tensorflow/tfjs-backend-webgpu": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
  "onnxruntime-web": "1.30.0",
  "onnxruntime-node": "1.30.0",
  "webgpu-torch": "0.3.5",
};

/**
 * Says which packages are not there at their version. The native one may be
 * left out where nothing can be downloaded.
 *
 * @returns Their names.
 */
export function missingPackages(): string[] {
  return Object.entries(PEER_PACKAGES)
    .filter(([name, version]) => {
      try {
        return peerVersion(name) !== version;
      } catch {
        return true;
      }
    })
    .map(([name]) => name);
}

/**
 * Installs the peers below `out/peers`, where git does not look, with npm. No
 * script of a package is run.
 *
 * @throws {TypeError} If npm is not there or fails.
 */
export function installPeers(): void {
  Deno.mkdirSync(PEER_FOLDER, { recursive: true });
  const manifest = {
    name: "wick-peers",
    private: true,
    dependencies: PEER_PACKAGES,
  };
  Deno.writeTextFileSync(
    `${PEER_FOLDER}package.json`,
    JSON.stringify(manifest, null, 2),
  );
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  const { success } = new Deno.Command(npm, {
    args: ["install", "--ignore-scripts", "--no-audit", "--no-fund"],
    cwd: PEER_FOLDER,
    stdout: "null",
    stderr: "inherit",
  }).outputSync();
  if (!success) {
    throw new TypeError(
      `Cannot install the peers: run npm install in ${PEER_FOLDER}`,
    );
  }
}
