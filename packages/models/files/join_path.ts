/**
 * Gives the path of a file in a folder, with one slash between them.
 *
 * @example Usage
 * ```ts
 * import { joinPath } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(joinPath("model/", "config.json"), "model/config.json");
 * ```
 *
 * @param folder The folder; an empty one is the working folder.
 * @param name The file's name, or a path below the folder.
 * @returns The path.
 */
export function joinPath(folder: string, name: string): string {
  if (folder === "") return name;
  return /[/\\]$/.test(folder) ? folder + name : `${folder}/${name}`;
}
