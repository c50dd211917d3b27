import { FileFormatError, joinPath, systemProblem } from "@wick/models";

/**
 * Makes sure, before hours of work, that a folder for an adapter can be written:
 * the folder above it is made, and one that holds anything but an adapter is
 * not to be replaced.
 *
 * @param path The folder.
 * @throws {FileFormatError} If it cannot.
 */
export async function prepareOutputFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
    const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
    if (names.length > 0 && !names.includes("adapter_config.json")) {
      throw new FileFormatError(
        path,
        `it holds ${names.length} files that are no adapter, name a new folder`,
        { action: "write" },
      );
    }
    const probe = joinPath(path, ".wick");
    await Deno.writeTextFile(probe, "");
    await Deno.remove(probe);
  } catch (error) {
    throw systemProblem(path, error, "write");
  }
}
