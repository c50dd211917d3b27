import { joinPath, removeIfPresent, systemProblem } from "@wick/models";

/**
 * Puts files into a folder that has others, so that what is read by way of one
 * of them, the marker, is whole or not there at any moment: they are written
 * aside and renamed. If writing fails everything stays as it was.
 *
 * @param folder The folder, which must exist.
 * @param marker The file without which the others mean nothing, such as
 *   `adapter_config.json`.
 * @param write Writes all files into a new folder of the path that it is given.
 * @throws {FileFormatError} If the system refuses a file.
 */
export async function installFiles(
  folder: string,
  marker: string,
  write: (path: string) => Promise<void>,
): Promise<void> {
  const aside = joinPath(folder, `.new.${crypto.randomUUID()}.tmp`);
  try {
    await write(aside);
    const names = await Array.fromAsync(
      Deno.readDir(aside),
      ({ name }) => name,
    );
    const others = names.filter((name) => name !== marker).sort();
    const same = await textOf(joinPath(folder, marker)) ===
      await textOf(joinPath(aside, marker));
    // Under the same marker one file takes the place of the old one at once.
    if (!same || others.length !== 1) {
      await removeIfPresent(joinPath(folder, marker));
    }
    for (const name of [...others, marker]) {
      await Deno.rename(joinPath(aside, name), joinPath(folder, name));
    }
    await sync(folder);
  } catch (error) {
    throw systemProblem(folder, error, "write");
  } finally {
    await removeIfPresent(aside);
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function sync(folder: string): Promise<void> {
  try {
    using handle = await Deno.open(folder);
    await handle.sync();
  } catch {
    // Windows opens no folders; the renames are done either way.
  }
}
