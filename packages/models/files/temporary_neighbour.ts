/** The folder and the last part of a path. */
function splitPath(path: string): { folder: string; name: string } {
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return {
    folder: at < 0 ? "." : path.slice(0, at + 1),
    name: path.slice(at + 1),
  };
}

/**
 * Gives a hidden name beside a path that nothing else uses: in the same folder,
 * because a rename is atomic only within one file system.
 *
 * @param path The file or folder that is to be written.
 * @returns The folder, and the path of the temporary neighbour.
 */
export function temporaryNeighbour(
  path: string,
): { folder: string; temporary: string } {
  const { folder, name } = splitPath(path.replace(/[/\\]+$/, ""));
  const temporary = `.${name}.${crypto.randomUUID()}.tmp`;
  return {
    folder,
    temporary: folder === "." ? temporary : folder + temporary,
  };
}

/**
 * Makes a rename in a folder last through a power failure, where the system can.
 *
 * @param folder The folder.
 */
export async function syncFolder(folder: string): Promise<void> {
  try {
    using handle = await Deno.open(folder);
    await handle.sync();
  } catch {
    // Windows opens no folders; the rename itself is done either way.
  }
}

/**
 * Removes a file or folder that may not be there.
 *
 * @param path The file or folder.
 */
export async function removeIfPresent(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
