import { createRequire } from "node:module";

/** The folder that peers are installed into; the task makes it. */
export const PEER_FOLDER: string =
  new URL("../../out/peers/", import.meta.url).pathname;

const require = createRequire(`${PEER_FOLDER}index.js`);

/**
 * Loads a package of a peer the way of Node.
 *
 * @param name The package.
 * @returns What it exports, of whatever type the caller says.
 */
export function requirePeer<Exports>(name: string): Exports {
  return require(name);
}

/**
 * Loads a module of a peer.
 *
 * @param path Its file below `node_modules`.
 * @returns What it exports, of whatever type the caller says.
 */
export async function importPeer<Exports>(path: string): Promise<Exports> {
  const url = new URL(`file://${PEER_FOLDER}node_modules/${path}`);
  return await import(url.href);
}

/**
 * Gives the folder of a package of a peer.
 *
 * @param name The package.
 * @returns Its path.
 */
export function peerPath(name: string): string {
  return `${PEER_FOLDER}node_modules/${name}`;
}

/**
 * Gives the version of a package of a peer.
 *
 * @param name The package.
 * @returns What its `package.json` says.
 */
export function peerVersion(name: string): string {
  const text = Deno.readTextFileSync(`${peerPath(name)}/package.json`);
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === "object" && parsed !== null && "version" in parsed
    ? String(parsed.version)
    : "unknown";
}
