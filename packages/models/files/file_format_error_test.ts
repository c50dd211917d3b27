import { assertEquals } from "@std/assert";
import { FileFormatError } from "./file_format_error.ts";
import { readText, readTextIfPresent } from "./read_text.ts";
import { readJsonObject } from "./read_json.ts";
import { systemProblem } from "./system_problem.ts";
import { temporaryFolder } from "./temporary_folder.ts";
import { failure } from "./failure.ts";

Deno.test("FileFormatError keeps to one line whatever a file's names hold", () => {
  const { message } = new FileFormatError("A\nB", "it has\r\n\u0000 no end");
  assertEquals(message, "Cannot read A B: it has  no end");
});

Deno.test("FileFormatError keeps the error underneath, if there is one", () => {
  const cause = new TypeError("Under");
  assertEquals(new FileFormatError("A", "b", { cause }).cause, cause);
  assertEquals("cause" in new FileFormatError("A", "b"), false);
});

Deno.test("readText() says in words why the system refuses", async () => {
  using folder = temporaryFolder();
  const absent = folder.file("absent.txt");
  assertEquals(
    await failure(readText(absent)),
    `Cannot read ${absent}: there is no such file or folder`,
  );
  assertEquals(
    await failure(readText(folder.path)),
    `Cannot read ${folder.path}: it is a folder`,
  );
});

Deno.test("readTextIfPresent() forgives absence and nothing else", async () => {
  using folder = temporaryFolder();
  assertEquals(await readTextIfPresent(folder.file("absent.txt")), undefined);
  const binary = folder.file("binary.txt");
  Deno.writeFileSync(binary, new Uint8Array([0xff, 0xfe, 0x00]));
  assertEquals(
    await failure(readTextIfPresent(binary)),
    `Cannot read ${binary}: it is not UTF-8 text`,
  );
});

Deno.test("readJsonObject() refuses what is not a JSON object", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.json");
  const read = (text: string): Promise<string> => {
    Deno.writeTextFileSync(path, text);
    return failure(readJsonObject(path, { refuseDuplicateKeys: true }));
  };
  for (const text of ["[]", "null", "1", '"a"']) {
    assertEquals(
      await read(text),
      `Cannot read ${path}: it is not a JSON object`,
    );
  }
  assertEquals(
    (await read('{"a": ')).startsWith(`Cannot read ${path}: it is not JSON (`),
    true,
  );
  assertEquals(
    await read('{"a": {"b": 1, "b": 2}}'),
    `Cannot read ${path}: it has "b" twice in one object`,
  );
});

Deno.test("systemProblem() says that a disk is full, and names what was to be written", () => {
  const full = new Error("No space left on device (os error 28)");
  const inner = systemProblem("a/.b.1.tmp/c.json", full, "write");
  const outer = systemProblem("a/b", inner, "write");
  assertEquals(
    outer instanceof Error && outer.message,
    "Cannot write a/b: the disk is full",
  );
  const other = new FileFormatError("A/config.json", "it is empty");
  assertEquals(systemProblem("a/b", other, "write"), other);
});
