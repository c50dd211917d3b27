import { assertEquals, assertMatch } from "@std/assert";
import { NO_BROWSER, openPage } from "@wick/testing/browser";
import { run } from "../run.ts";

const MODEL = "examples/tickets/base-model";

async function wick(...args: string[]) {
  let out = "";
  let error = "";
  const code = await run(["explain", "--device", "cpu", ...args], {
    out: (text) => out += text,
    error: (text) => error += text,
    ...{ terminal: false, color: false, columns: 80 },
    signal: new AbortController().signal,
  });
  return { code, out, error };
}

Deno.test("a step of decoding is explained as text", async () => {
  const { code, out } = await wick("--model", MODEL);
  assertEquals(code, 0);
  assertMatch(out, /^step +kernel +operations/);
  assertMatch(out, /argmax/);
  assertMatch(out, /\d+ dispatches before fusion, \d+ after/);
});

Deno.test("a plan is drawn for other programs", async () => {
  const size = ["--model", MODEL, "--work", "prefill", "--length", "8"];
  const mermaid = await wick(...size, "--format", "mermaid");
  assertMatch(mermaid.out, /^flowchart TD\n/);
  const dot = await wick(...size, "--format", "dot");
  assertMatch(dot.out, /^digraph/);
  const trace = await wick(...size, "--format", "trace");
  const { traceEvents } = JSON.parse(trace.out);
  assertEquals(traceEvents[0].name, "embedding");
  assertEquals(traceEvents.every(({ dur }: { dur: number }) => dur > 0), true);
});

Deno.test("a step of training is a page that needs no network", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/step.html`;
  const { code } = await wick(
    ...["--model", MODEL, "--work", "train", "--rows", "2", "--length", "8"],
    ...["--output", path],
  );
  assertEquals(code, 0);
  const page = await Deno.readTextFile(path);
  assertEquals(/(?:src|href)=|https?:/.test(page), false);
  for (const text of ["Timeline", "joint_matmul", "adamw", "before fusion"]) {
    assertEquals(page.includes(text), true, text);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "a browser draws a row for each dispatch",
  ignore: NO_BROWSER,
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/decode.html`;
    await wick("--model", MODEL, "--output", path);
    const page = await openPage(path);
    const [, dispatches] = /Dispatches after<\/dt><dd>(\d+)/.exec(page) ?? [];
    const bars = page.match(/<rect[^>]*height="24"/g)?.length;
    assertEquals(bars, Number(dispatches));
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("what cannot be explained is refused", async () => {
  const both = await wick(
    ...["--model", MODEL, "--work", "train", "--adapter", "a"],
  );
  assertEquals(both.code, 2);
  assertMatch(both.error, /Cannot take --adapter with --work train/);
  const long = await wick("--model", MODEL, "--length", "100000");
  assertEquals(long.code, 1);
  assertMatch(long.error, /positions/);
});
