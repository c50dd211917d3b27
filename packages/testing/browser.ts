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

/** Flags for WebGPU in software, which a browser does not offer of itself. */
export const SOFTWARE_WEBGPU: readonly string[] = [
  ...["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  ...["--enable-features=Vulkan", "--disable-gpu-watchdog"],
];

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

/** What {@linkcode visitPage} shows, and where. */
export interface VisitOptions {
  /** The script of the page, a module. */
  readonly script: string;
  /** What follows the question mark of its address. */
  readonly query?: string;
  /** The folder whose files the page may fetch. */
  readonly root: URL;
  /** Whether the page is isolated from others, so that threads share memory. */
  readonly isolated?: boolean;
  /** More flags of the browser. */
  readonly flags?: readonly string[];
}

/**
 * Serves a page on this machine, opens it, and waits until it has sent what it
 * has to say to `/result`.
 *
 * @param options The page.
 * @returns What it sent.
 * @throws {TypeError} If no browser is installed, or it ends before that or takes
 *   longer than five minutes.
 */
export async function visitPage(options: VisitOptions): Promise<string> {
  if (BROWSER === undefined) {
    throw new TypeError("Cannot visit a page: no browser is installed");
  }
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => answer(request, options, resolve),
  );
  const profile = await Deno.makeTempDir({ prefix: "wick-" });
  const child = new Deno.Command(BROWSER, {
    args: [
      ...["--headless", "--no-sandbox", `--user-data-dir=${profile}`],
      ...options.flags ?? [],
      `http://127.0.0.1:${server.addr.port}/?${options.query ?? ""}`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const ended = child.status.then(({ signal, code }) => {
    throw new TypeError(
      `Cannot visit the page: the browser ended with ${
        signal ?? code
      } and sent nothing`,
    );
  });
  try {
    return await Promise.race([promise, ended]);
  } finally {
    clearTimeout(timer);
    ended.catch(() => {});
    try {
      child.kill();
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await removeProfile(profile);
  }
}

/** Removes what the browser wrote; its helpers outlive it by a moment. */
async function removeProfile(path: string): Promise<void> {
  for (let tries = 100;; tries--) {
    try {
      return await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Milliseconds that a page may take. */
const PATIENCE = 300_000;

const TYPES: Readonly<Record<string, string>> = {
  "/": "text/html",
  "/script.js": "text/javascript",
};

async function answer(
  request: Request,
  { script, root, isolated = false }: VisitOptions,
  send: (result: string) => void,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const headers = {
    "content-type": TYPES[pathname] ?? "application/octet-stream",
    ...(isolated && {
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    }),
  };
  if (pathname === "/") return new Response(PAGE, { headers });
  if (pathname === "/script.js") return new Response(script, { headers });
  if (pathname === "/result") {
    send(await request.text());
    return new Response(null, { headers });
  }
  try {
    // The address is one of the page above: it names files of the root.
    const bytes = await Deno.readFile(new URL(`.${pathname}`, root));
    return new Response(bytes, { headers });
  } catch {
    return new Response(null, { status: 404, headers });
  }
}

/** Sends what its script throws as it is loaded, too. */
const PAGE = `<!doctype html>
<script>
addEventListener("error", ({ message = "The script cannot be loaded" }) =>
  fetch("/result", { method: "POST", body: message }), true);
</script>
<script type="module" src="/script.js"></script>`;
