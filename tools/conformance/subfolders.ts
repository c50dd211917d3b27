/**
 * Lists the folders in a folder.
 *
 * @param path The folder; it may be missing.
 * @returns Their names in order; none if it is missing.
 */
export async function subfolders(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory, isSymlink } of Deno.readDir(path)) {
      if (isDirectory || isSymlink) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
