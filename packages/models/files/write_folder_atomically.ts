import { systemProblem } from "./system_problem.ts";
import {
  removeIfPresent,
  syncFolder,
  temporaryNeighbour,
} from "./temporary_neighbour.ts";

/** Moves a folder away if it is there, and tells whether it was. */
async function moveAside(path: string, aside: string): Promise<boolean> {
  try {
    await Deno.rename(path, aside);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Writes a folder as a whole: the files go to a temporary folder beside it,
 * which takes the place of the old one only when all are written. If writing
 * fails the old folder stays as it was.
 *
 * No system replaces a full folder in one step, so the old one is renamed
 * first; a crash between the two renames leaves it under a hidden name beside.
 *
 * @example Usage
 * ```ts
 * import { writeFolderAtomically, writeTextAtomically } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await writeFolderAtomically(`${folder}/adapter`, (temporary) =>
 *   writeTextAtomically(`${temporary}/adapter_config.json`, "{}"));
 * assertEquals(
 *   await Deno.readTextFile(`${folder}/adapter/adapter_config.json`),
 *   "{}",
 * );
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @param path The folder to write; the folder above it must exist.
 * @param write Writes the files into the folder that it is given.
 * @throws {FileFormatError} If the system refuses the folder.
 */
export async function writeFolderAtomically(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const { folder, temporary } = temporaryNeighbour(path);
  const aside = `${temporary}.old`;
  try {
    await Deno.mkdir(temporary);
    await write(temporary);
    await syncFolder(temporary);
    const replaces = await moveAside(path, aside);
    try {
      await Deno.rename(temporary, path);
    } catch (error) {
      if (replaces) await Deno.rename(aside, path);
      throw error;
    }
  } catch (error) {
    await removeIfPresent(temporary);
    throw systemProblem(path, error, "write");
  }
  await removeIfPresent(aside);
  await syncFolder(folder);
}
