import { FileFormatError, systemProblem } from "@wick/models";

/**
 * Makes sure, before hours of work, that a folder for an adapter or a model can
 * be written: the folder above it is made and tried, and one that holds anything
 * but an adapter, if that, is not to be replaced.
 *
 * @param path The folder.
 * @param replaces Whether an adapter there may be replaced; yes if absent.
 * @throws {FileFormatError} If it cannot.
 */
export async function prepareOutputFolder(
  path: string,
  replaces: "adapter" | "nothing" = "adapter",
): Promise<void> {
  const names = await namesIn(path);
  const replaced = replaces === "adapter" &&
    names.includes("adapter_config.json");
  if (names.length > 0 && !replaced) {
    const what = replaces === "adapter" ? " that are no adapter" : "";
    throw new FileFormatError(
      path,
      `it holds ${names.length} files${what}, name a new folder`,
      { action: "write" },
    );
  }
  const above = path.replace(/[^/\\]+[/\\]*$/, "") || ".";
  try {
    await Deno.mkdir(above, { recursive: true });
    const probe = await Deno.makeTempDir({ dir: above, prefix: ".wick-" });
    await Deno.remove(probe);
  } catch (error) {
    throw systemProblem(path, error, "write");
  }
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw systemProblem(path, error, "write");
  }
}
