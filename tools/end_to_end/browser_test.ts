// The packages in a browser: on a page, the way of a user gives what it gives
// in Deno.
import { openDevice } from "@wick/async-exec";
import { assertEquals, assertMatch } from "@std/assert";
import { NO_BROWSER, SOFTWARE_WEBGPU, visitPage } from "@wick/testing/browser";
import { assertSameRun } from "./same_run.ts";
import { runTickets, type TicketsRun } from "./tickets_run.ts";

const ROOT = new URL("../../", import.meta.url);

interface Page {
  readonly device: "cpu" | "webgpu";
  readonly isolated?: boolean;
  /** Whether a worker of the page does the work. */
  readonly worker?: boolean;
  /** What the device says it is. */
  readonly description: RegExp;
}

const PAGES: Readonly<Record<string, Page>> = {
  "a page runs on the CPU in one thread": {
    device: "cpu",
    description: /^CPU, WebAssembly SIMD, 1 thread$/,
  },
  "an isolated page runs on the CPU in several threads": {
    device: "cpu",
    isolated: true,
    description: /^CPU, WebAssembly SIMD, \d+ threads?$/,
  },
  "a worker of a page runs on the CPU": {
    device: "cpu",
    isolated: true,
    worker: true,
    description: /^CPU, WebAssembly SIMD, \d+ threads?$/,
  },
  "a page runs on WebGPU": { device: "webgpu", description: /^WebGPU, / },
};

let bundled: Promise<string> | undefined;
let expected: Promise<TicketsRun> | undefined;

async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform=browser",
      "tools/end_to_end/page.ts",
    ],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot bundle: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function runHere(): Promise<TicketsRun> {
  using device = await openDevice({ device: "cpu", announce: false });
  return await runTickets(device, `${import.meta.dirname}/../../`);
}

for (
  const [name, { device, isolated = false, worker = false, description }]
    of Object.entries(
      PAGES,
    )
) {
  Deno.test({
    name,
    ignore: NO_BROWSER,
    fn: async () => {
      const sent = await visitPage({
        script: await (bundled ??= bundle()),
        query: `device=${device}${worker ? "&worker" : ""}`,
        root: ROOT,
        isolated,
        flags: device === "webgpu" ? SOFTWARE_WEBGPU : ["--disable-gpu"],
      });
      assertMatch(sent, /^\{"device"/);
      const run: TicketsRun = JSON.parse(sent);
      assertMatch(run.device, description);
      assertSameRun(run, await (expected ??= runHere()));
    },
  });
}

Deno.test("the page imports nothing that a browser lacks", async () => {
  // What could not be bundled, such as a module of Node, is still imported.
  const script = await (bundled ??= bundle());
  assertEquals(script.match(/^import\b.*/gm) ?? [], []);
});
