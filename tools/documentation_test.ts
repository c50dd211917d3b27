// Command lines of the documentation: tasks and programs that they name are
// there, and `wick` knows their commands and options. Blocks of TypeScript run
// by themselves, as `deno test --doc` finds them.
import { run } from "@wick/cli";
import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** A command line of a page. */
interface DocumentedLine {
  readonly page: string;
  readonly words: readonly string[];
}

async function pages(): Promise<string[]> {
  const found = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"];
  for (const folder of ["docs", "docs/decisions", "examples/tickets"]) {
    for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
      if (name.endsWith(".md")) found.push(`${folder}/${name}`);
    }
  }
  return found.sort();
}

async function* documentedLines(): AsyncGenerator<DocumentedLine> {
  for (const page of await pages()) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const [, block] of text.matchAll(/^```sh\n([^]*?)^```/gm)) {
      for (const line of block!.replaceAll("\\\n", " ").split("\n")) {
        const words = wordsOf(line);
        if (words.length > 0) yield { page, words };
      }
    }
  }
}

/** The words of a command line, without a comment. */
function wordsOf(line: string): string[] {
  return Array.from(
    line.replace(/(^|\s)#.*/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g),
    ([, double, single, plain]) => double ?? single ?? plain ?? "",
  );
}

/** What comes after `deno`, or `npx --yes deno`, whatever starts it. */
function denoArguments(words: readonly string[]): readonly string[] {
  const place = words.indexOf("deno");
  return place < 0 ? [] : words.slice(place + 1);
}

/** The arguments of `wick`, if a line runs it. */
function wickArguments(args: readonly string[]): readonly string[] | undefined {
  if (args[0] === "task" && args[1] === "wick") return args.slice(2);
  const main = args.indexOf("packages/cli/main.ts");
  return main < 0 ? undefined : args.slice(main + 1);
}

const lines = await Array.fromAsync(documentedLines());

Deno.test("tasks that the documentation names are there", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const lost = lines.flatMap(({ page, words }) => {
    const [verb, name] = denoArguments(words);
    return verb !== "task" || name === "…" || Object.hasOwn(config.tasks, name!)
      ? []
      : [`${page}: ${words.join(" ")}`];
  });
  assertEquals(lost, []);
});

Deno.test("programs that the documentation runs are there", async () => {
  const lost: string[] = [];
  for (const { page, words } of lines) {
    for (const word of denoArguments(words)) {
      if (!/^[\w/-]+\.ts$/.test(word)) continue;
      try {
        await Deno.stat(new URL(word, ROOT));
      } catch {
        lost.push(`${page}: ${word}`);
      }
    }
  }
  assertEquals(lost, []);
});

Deno.test("wick knows the commands and options that the documentation names", async () => {
  let known = 0;
  for (const { page, words } of lines) {
    const args = wickArguments(denoArguments(words));
    if (!args) continue;
    let error = "";
    const code = await run([...args, "--help"], {
      out: () => {},
      error: (text) => error += text,
      ...{ terminal: false, color: false, columns: 80 },
      signal: new AbortController().signal,
    });
    assertEquals([code, error], [0, ""], `${page}: ${words.join(" ")}`);
    known++;
  }
  assertEquals(known > 20, true);
});
