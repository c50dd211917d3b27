/** A block of code of a page. */
export interface Block {
  /** The page, from the root. */
  readonly page: string;
  /** Why the tests do not run it, as a comment before it says. */
  readonly notRun: string | undefined;
}

/** A block of shell commands. */
export interface ShellBlock extends Block {
  /** The line that it begins at. */
  readonly line: number;
  /** The commands. */
  readonly commands: string;
  /** What the page shows that it prints: the block of text behind it. */
  readonly output: string | undefined;
}

const ROOT = new URL("../", import.meta.url);

// A comment, the commands, and what they print, with empty lines between.
const BLOCK =
  /(?:^<!-- not run: (.+?) -->\n\n)?^```sh\n([^]*?)^```\n(?:\n```text\n([^]*?)^```\n)?/gm;

const IGNORED = /(?:^<!-- not run: (.+?) -->\n\n)?^```\w+ ignore$/gm;

/**
 * Lists the pages, in the order in which they build on each other: what a
 * reader begins with comes first.
 *
 * @returns Their paths from the root.
 */
export async function documentationPages(): Promise<string[]> {
  const first = ["docs/getting-started.md", "README.md", "docs/fine-tuning.md"];
  const found = ["CONTRIBUTING.md", "ARCHITECTURE.md"];
  for (const folder of ["docs", "docs/decisions", "examples/tickets"]) {
    for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
      if (name.endsWith(".md")) found.push(`${folder}/${name}`);
    }
  }
  return [...first, ...found.filter((page) => !first.includes(page)).sort()];
}

/**
 * Reads the blocks of shell commands of all pages.
 *
 * @returns The blocks, page by page, in the order of the text.
 */
export async function shellBlocks(): Promise<ShellBlock[]> {
  const blocks: ShellBlock[] = [];
  for (const page of await documentationPages()) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const match of text.matchAll(BLOCK)) {
      const [whole, notRun, commands, output] = match;
      const before = text.slice(0, match.index + whole.indexOf("```sh"));
      blocks.push({
        page,
        line: before.split("\n").length,
        commands: commands!,
        notRun,
        output,
      });
    }
  }
  return blocks;
}

/**
 * Reads the blocks of TypeScript that `deno test --doc` is told to pass over.
 *
 * @returns The blocks, page by page.
 * @throws {TypeError} If one does not say why.
 */
export async function ignoredBlocks(): Promise<Block[]> {
  const blocks: Block[] = [];
  for (const page of await documentationPages()) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const [, notRun] of text.matchAll(IGNORED)) {
      if (notRun === undefined) {
        throw new TypeError(
          `Cannot pass over a block of ${page}: it says no reason`,
        );
      }
      blocks.push({ page, notRun });
    }
  }
  return blocks;
}
