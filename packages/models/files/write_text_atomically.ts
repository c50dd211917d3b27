import { writeAll, writeAtomically } from "./write_atomically.ts";

/**
 * Writes a text file atomically, as {@linkcode writeAtomically} does.
 *
 * @param path The file; its folder must exist.
 * @param text The text, written as UTF-8.
 * @throws {FileFormatError} If the system refuses the file.
 */
export async function writeTextAtomically(
  path: string,
  text: string,
): Promise<void> {
  await writeAtomically(
    path,
    (file) => writeAll(file, new TextEncoder().encode(text)),
  );
}
