// The blocks of shell commands in the documentation are run, page by page in the
// order of reading, in one scratch copy of the repository, and print what the
// pages show. A block that cannot run here says why, in a comment before it.
import { assertEquals } from "@std/assert";
import {
  documentationPages,
  ignoredBlocks,
  shellBlocks,
} from "./documentation_blocks.ts";
import { lostLine, runSession } from "./documentation_session.ts";

const ROOT = `${import.meta.dirname}/..`;

/** How many blocks of each page are not run. One more is to be meant. */
const NOT_RUN: Readonly<Record<string, number>> = {
  "CONTRIBUTING.md": 4,
  "README.md": 2,
  "docs/distributed.md": 5,
  "docs/getting-started.md": 1,
  "docs/serving.md": 1,
};

const blocks = await shellBlocks();
const running = Map.groupBy(
  blocks.filter(({ notRun }) => notRun === undefined),
  ({ page }) => page,
);

Deno.test("blocks that are not run say why, and are as many as known", async () => {
  const counts: Record<string, number> = {};
  for (const { page, notRun } of [...blocks, ...await ignoredBlocks()]) {
    if (notRun !== undefined) counts[page] = (counts[page] ?? 0) + 1;
  }
  assertEquals(counts, NOT_RUN);
});

Deno.test("every block is in a language that something runs or reads", async () => {
  const languages = new Set<string>();
  for (const page of await documentationPages()) {
    const text = await Deno.readTextFile(`${ROOT}/${page}`);
    const fences = text.match(/^ *`{3,}.*$/gm) ?? [];
    for (const [place, fence] of fences.entries()) {
      if (place % 2 === 0) languages.add(fence);
    }
  }
  assertEquals([...languages].sort(), [
    "```json",
    "```mermaid",
    "```sh",
    "```text",
    "```ts",
    "```ts ignore",
    "```yaml",
  ]);
});

/** Copies what a user has who has fetched the repository. */
async function scratchCopy(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "wick-" });
  const names = Array.from(Deno.readDirSync(ROOT), ({ name }) => name)
    .filter((name) => !name.startsWith(".") && name !== "out");
  const { success } = await new Deno.Command("cp", {
    args: ["-R", ...names, folder],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(`Cannot copy the repository to ${folder}`);
  // The commands say `deno`, which need not be on the path.
  await Deno.mkdir(`${folder}/.bin`);
  await Deno.symlink(Deno.execPath(), `${folder}/.bin/deno`);
  return folder;
}

Deno.test({
  name: "the commands of the documentation run, and print what it shows",
  ignore: Deno.build.os === "windows",
  fn: async (test) => {
    const folder = await scratchCopy();
    const environment = {
      PATH: `${folder}/.bin:${Deno.env.get("PATH")}`,
      WICK_DEVICE: "cpu",
      WICK_BLAS: "off",
      NO_COLOR: "1",
    };
    for (const [page, commands] of running) {
      await test.step(page, async () => {
        const { outputs, code } = await runSession(
          commands,
          folder,
          environment,
        );
        const last = commands[outputs.size - 1]!;
        assertEquals(code, 0, `${page}:${last.line}: ${outputs.get(last)}`);
        for (const [{ line, output }, printed] of outputs) {
          const lost = output && lostLine(output, printed);
          assertEquals(
            lost,
            undefined,
            `${page}:${line}: no such line in\n${printed}`,
          );
        }
      });
    }
    await Deno.remove(folder, { recursive: true });
  },
});
