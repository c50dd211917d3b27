import { assertEquals, assertRejects } from "@std/assert";
import { failure } from "./failure.ts";
import { temporaryFolder } from "./temporary_folder.ts";
import { writeAll, writeAtomically } from "./write_atomically.ts";
import { writeFolderAtomically } from "./write_folder_atomically.ts";
import { writeTextAtomically } from "./write_text_atomically.ts";

/** All names in a folder, hidden ones too. */
function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("writeAtomically() replaces a file and leaves nothing else", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.txt");
  await writeTextAtomically(path, "old");
  await writeTextAtomically(path, "new ü");
  assertEquals(await Deno.readTextFile(path), "new ü");
  assertEquals(names(folder.path), ["a.txt"]);
});

Deno.test("writeAtomically() keeps the old file and cleans up when writing fails", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.txt");
  await writeTextAtomically(path, "old");
  await assertRejects(
    () =>
      writeAtomically(path, async (file) => {
        await writeAll(file, new Uint8Array(1000));
        assertEquals(names(folder.path).length, 2);
        throw new TypeError("Out of luck");
      }),
    TypeError,
    "Out of luck",
  );
  assertEquals(await Deno.readTextFile(path), "old");
  assertEquals(names(folder.path), ["a.txt"]);
});

Deno.test("writeAtomically() shows no file before it is whole", async () => {
  using folder = temporaryFolder();
  await writeAtomically(folder.file("a.bin"), async (file) => {
    await writeAll(file, new Uint8Array([1, 2, 3]));
    assertEquals(names(folder.path).includes("a.bin"), false);
  });
  assertEquals(names(folder.path), ["a.bin"]);
});

Deno.test("writeAtomically() names the file that it cannot write", async () => {
  using folder = temporaryFolder();
  const path = folder.file("absent/a.txt");
  assertEquals(
    await failure(writeTextAtomically(path, "a")),
    `Cannot write ${path}: the folder it belongs in does not exist`,
  );
  const occupied = folder.file("occupied");
  Deno.mkdirSync(`${occupied}/inside`, { recursive: true });
  assertEquals(
    (await failure(writeTextAtomically(occupied, "a")))
      .startsWith(`Cannot write ${occupied}: `),
    true,
  );
  assertEquals(names(folder.path), ["occupied"]);
});

Deno.test("writeFolderAtomically() replaces a folder as a whole", async () => {
  using folder = temporaryFolder();
  const path = folder.file("adapter");
  const write = (name: string): Promise<void> =>
    writeFolderAtomically(
      path,
      (temporary) => writeTextAtomically(`${temporary}/${name}`, name),
    );
  await write("first");
  await write("second");
  assertEquals(names(path), ["second"]);
  assertEquals(names(folder.path), ["adapter"]);
});

Deno.test("writeFolderAtomically() keeps the old folder when writing fails", async () => {
  using folder = temporaryFolder();
  const path = `${folder.file("adapter")}/`;
  await writeFolderAtomically(
    path,
    (temporary) => writeTextAtomically(`${temporary}/old`, ""),
  );
  await assertRejects(
    () =>
      writeFolderAtomically(path, async (temporary) => {
        await writeTextAtomically(`${temporary}/new`, "");
        throw new TypeError("Out of luck");
      }),
    TypeError,
  );
  assertEquals(names(path), ["old"]);
  assertEquals(names(folder.path), ["adapter"]);
});
