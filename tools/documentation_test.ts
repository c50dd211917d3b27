// Command lines of the documentation, also of blocks that are not run: tasks and
// programs that they name are there, and `wick` knows their commands and options.
import { run } from "@wick/cli";
import { assertEquals } from "@std/assert";
import { shellBlocks } from "./documentation_blocks.ts";

const ROOT = new URL("../", import.meta.url);

/** A command line of a page. */
interface DocumentedLine {
  readonly page: string;
  readonly words: readonly string[];
}

async function documentedLines(): Promise<DocumentedLine[]> {
  return (await shellBlocks()).flatMap(({ page, commands }) =>
    commands.replaceAll("\\\n", " ").split("\n").map(wordsOf)
      .filter((words) => words.length > 0)
      .map((words) => ({ page, words }))
  );
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

const lines = await documentedLines();

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
      // What lies in out/ a page has written itself.
      if (!/^(?!out\/)[\w/-]+\.ts$/.test(word)) continue;
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
