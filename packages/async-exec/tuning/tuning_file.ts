/**
 * Gives the path of the file with measured choices: in the user's cache folder,
 * which is `$XDG_CACHE_HOME` or `~/.cache` on Linux, `~/Library/Caches` on a Mac
 * and `%LOCALAPPDATA%` on Windows.
 *
 * @returns The path, or `undefined` where the process may not know it or may not
 *   read and write it without asking.
 */
export function tuningFile(): string | undefined {
  if (typeof Deno === "undefined") return undefined;
  const folder = cacheFolder(Deno.build.os);
  if (folder === undefined) return undefined;
  const path = `${folder}/wick/tuning.json`;
  const may = (name: "read" | "write"): boolean =>
    Deno.permissions.querySync({ name, path }).state === "granted";
  return may("read") && may("write") ? path : undefined;
}

function cacheFolder(os: string): string | undefined {
  if (os === "windows") return variable("LOCALAPPDATA");
  const home = variable("HOME");
  if (os === "darwin") return home && `${home}/Library/Caches`;
  return variable("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
}

function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}
