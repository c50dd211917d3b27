/**
 * The browser that tests of pages run in.
 *
 * @module
 */

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

/** The program of a browser; undefined where none is installed. */
export const BROWSER: string | undefined = PROGRAMS.find((program) => {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync()
      .success;
  } catch {
    return false; // Not installed, or it may not be run.
  }
});

/**
 * Whether tests of pages are to be shown as ignored: no browser is installed,
 * and `WICK_REQUIRE_BROWSER=1` does not say that they must run.
 */
export const NO_BROWSER: boolean = BROWSER === undefined &&
  Deno.env.get("WICK_REQUIRE_BROWSER") !== "1";

/**
 * Opens a page without a window.
 *
 * @param path The file.
 * @param flags More flags of the browser.
 * @returns The page as the browser made it of the file and its scripts.
 * @throws {TypeError} If no browser is installed.
 */
export async function openPage(
  path: string,
  flags: readonly string[] = [],
): Promise<string> {
  if (BROWSER === undefined) {
    throw new TypeError(`Cannot open ${path}: no browser is installed`);
  }
  const { stdout } = await new Deno.Command(BROWSER, {
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"],
      ...[...flags, `file://${path}`],
    ],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}
