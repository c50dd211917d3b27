import type { MeasuredReport } from "../measured_report.ts";
import type { PeersReport } from "../peers/peers_report.ts";

/** The kinds of results, by the list that each has. */
interface Results {
  figures: MeasuredReport;
  rows: PeersReport;
}

/**
 * Reads results that were stored.
 *
 * @param folder Where they are.
 * @param name The name of the file without its end.
 * @param list The list that such a file has.
 * @returns What is in it; undefined if there is no such file.
 * @throws {TypeError} If the file has no such list.
 */
export async function readResult<List extends keyof Results>(
  folder: URL,
  name: string,
  list: List,
): Promise<Results[List] | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(new URL(`${name}.json`, folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const parsed = JSON.parse(text);
  if (!Array.isArray(parsed[list])) {
    throw new TypeError(`Cannot read ${name}.json: it has no ${list}`);
  }
  return parsed;
}
