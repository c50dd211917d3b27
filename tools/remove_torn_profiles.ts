/**
 * Removes the profiles of `deno test --coverage` that are not whole. A process
 * that is killed while it writes one, such as a rank whose job is aborted, leaves
 * it empty; one whose files may not grow leaves it cut; and `deno coverage` then
 * tells nothing of any other.
 *
 * @param folder Where the profiles are.
 * @returns How many were removed.
 */
export function removeTornProfiles(folder: string): number {
  let removed = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    try {
      JSON.parse(Deno.readTextFileSync(path));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      Deno.removeSync(path);
      removed++;
    }
  }
  return removed;
}
