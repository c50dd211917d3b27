/**
 * Lists the modules that the packages export, whose public names must be
 * documented.
 *
 * @returns Their paths from the root, with forward slashes.
 */
export function docEntries(): string[] {
  const packages = new URL("../packages/", import.meta.url);
  const entries: string[] = [];
  for (const { name } of Deno.readDirSync(packages)) {
    const file = new URL(`${name}/deno.json`, packages);
    const config: unknown = JSON.parse(Deno.readTextFileSync(file));
    for (const path of Object.values(exportsOf(config))) {
      entries.push(`packages/${name}/${String(path).replace(/^\.\//, "")}`);
    }
  }
  return entries.sort();
}

function exportsOf(config: unknown): Record<string, unknown> {
  if (
    typeof config !== "object" || config === null || !("exports" in config)
  ) return {};
  const { exports } = config;
  return typeof exports === "object" && exports !== null
    ? { ...exports }
    : { ".": exports };
}
