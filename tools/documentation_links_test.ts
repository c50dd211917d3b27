// What the documentation names beside its text: files that its links lead to, and
// data in blocks.
import { parse } from "yaml";
import { assertEquals } from "@std/assert";
import { documentationPages } from "./documentation_blocks.ts";

const ROOT = new URL("../", import.meta.url);

async function isThere(url: URL): Promise<boolean> {
  try {
    await Deno.stat(url);
    return true;
  } catch {
    return false;
  }
}

Deno.test("links of the documentation lead to files that are there", async () => {
  const lost: string[] = [];
  let found = 0;
  for (const page of await documentationPages()) {
    const url = new URL(page, ROOT);
    const text = (await Deno.readTextFile(url)).replaceAll(
      /^```[^]*?^```/gm,
      "",
    );
    for (const [, target] of text.matchAll(/\]\(\s*([^)#\s]+)[^)]*\)/g)) {
      if (/^https?:/.test(target!)) continue;
      found++;
      if (!await isThere(new URL(target!, url))) {
        lost.push(`${page}: ${target}`);
      }
    }
  }
  assertEquals(lost, []);
  assertEquals(found > 30, true, `${found}`);
});

/** Lists the files below a folder, from the root. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

Deno.test("files that the documentation names are there", async () => {
  const folders = ["packages", "kernels", "tools", "bench", "examples", "docs"];
  const files: string[] = [];
  for (const folder of folders) {
    for await (const file of filesBelow(folder)) files.push(`/${file}`);
  }
  const lost: string[] = [];
  let found = 0;
  for (const page of await documentationPages()) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    // `core-tensor/tensor.ts` will do for a file of a package.
    const names = /(?<=`)[a-z_-]+\/[\w./-]+\.(?:ts|py|wgsl|md)\b/g;
    for (const [name] of text.matchAll(names)) {
      if (/NAME/.test(name)) continue;
      found++;
      if (!files.some((file) => file.endsWith(`/${name}`))) {
        lost.push(`${page}: ${name}`);
      }
    }
  }
  assertEquals(lost, []);
  assertEquals(found > 30, true, `${found}`);
});

Deno.test("blocks of JSON and YAML are that", async () => {
  const wrong: string[] = [];
  let found = 0;
  for (const page of await documentationPages()) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (
      const [, kind, block] of text.matchAll(/^```(json|yaml)\n([^]*?)^```/gm)
    ) {
      found++;
      try {
        // A line of JSON is an example of a data set.
        if (kind === "yaml") parse(block!);
        else block!.trim().split("\n").forEach((line) => JSON.parse(line));
      } catch (error) {
        wrong.push(`${page}: ${error}`);
      }
    }
  }
  assertEquals(wrong, []);
  assertEquals(found > 2, true, `${found}`);
});
