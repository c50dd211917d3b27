/**
 * Writes docs/performance.md and its charts from the results in bench/results:
 * `deno task bench:report`.
 *
 * @module
 */
import { storedDocument } from "./stored_document.ts";

const root = new URL("../../", import.meta.url);
await Deno.mkdir(new URL("docs/charts/", root), { recursive: true });
for (const [path, text] of await storedDocument(root)) {
  await Deno.writeTextFile(new URL(path, root), text);
}
