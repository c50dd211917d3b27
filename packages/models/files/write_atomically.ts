import { systemProblem } from "./system_problem.ts";
import {
  removeIfPresent,
  syncFolder,
  temporaryNeighbour,
} from "./temporary_neighbour.ts";

/**
 * Writes all bytes to an open file.
 *
 * @param file The file.
 * @param bytes The bytes.
 */
export async function writeAll(
  file: Deno.FsFile,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await file.write(bytes.subarray(done));
  }
}

/**
 * Writes a file so that at every moment either the old one or the whole new one
 * is there: to a temporary file in the same folder, synced, then renamed. If
 * anything fails the temporary file is removed and the old file stays.
 *
 * @example Usage
 * ```ts
 * import { writeAll, writeAtomically } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const bytes = new Uint8Array([1, 2, 3]);
 * await writeAtomically(`${folder}/a.bin`, (file) => writeAll(file, bytes));
 * assertEquals(await Deno.readFile(`${folder}/a.bin`), bytes);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @param path The file; its folder must exist.
 * @param write Writes the contents to the open file.
 * @throws {FileFormatError} If the system refuses the file.
 */
export async function writeAtomically(
  path: string,
  write: (file: Deno.FsFile) => Promise<void>,
): Promise<void> {
  const { folder, temporary } = temporaryNeighbour(path);
  try {
    {
      using file = await Deno.open(temporary, { write: true, createNew: true });
      await write(file);
      await file.sync();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfPresent(temporary);
    throw systemProblem(path, error, "write");
  }
  await syncFolder(folder);
}
