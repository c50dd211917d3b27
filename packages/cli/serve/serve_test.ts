import OpenAI from "openai";
import { assertEquals, assertMatch } from "@std/assert";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const MODEL = "examples/tickets/base-model";

/** Starts the program with the permissions that its documentation names. */
async function start(...args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--quiet", "--allow-read", "--allow-env"],
      ...["--allow-sys", "--allow-net=127.0.0.1", MAIN, "serve"],
      ...["--model", MODEL, "--name", "base", "--port", "0", "--json"],
      ...["--device", "cpu", ...args],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { WICK_BLAS: "off" },
  }).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const line = new TextDecoder().decode(value);
  if (line === "") throw new Error(await errors);
  const { url }: { url: string } = JSON.parse(line);
  return {
    url,
    client: new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 }),
    async stop(signal: Deno.Signal) {
      child.kill(signal);
      await child.stdout.cancel();
      const { code } = await child.status;
      return { code, errors: await errors };
    },
  };
}

Deno.test({
  name: "the program serves, and SIGTERM finishes what runs",
  ignore: Deno.build.os === "windows",
  async fn() {
    const server = await start("--rows", "2");
    const body = {
      model: "base",
      prompt: "Request: call the painter on monday at 9am",
      temperature: 0,
      "max_tokens": 30,
    };
    const alone = await server.client.completions.create(body);
    const stream = await server.client.completions.create({
      ...body,
      stream: true,
    });
    let text = "";
    let ended: ReturnType<typeof server.stop> | undefined;
    for await (const { choices } of stream) {
      text += choices[0]!.text;
      ended ??= server.stop("SIGTERM");
    }
    const { code, errors } = await ended!;
    assertEquals(text, alone.choices[0]!.text);
    assertMatch(errors, /finishing what runs/);
    assertEquals(code, 0);
  },
});

Deno.test({
  name: "many clients at once get what each gets alone, beside bad requests",
  ignore: Deno.build.os === "windows",
  async fn() {
    const server = await start("--rows", "4", "--queue", "64");
    const prompts = ["Request: call", "Keys: time", "a", "Request: the roof"];
    const ask = async (prompt: string, seed: number) => {
      const { choices } = await server.client.completions.create({
        model: "base",
        prompt,
        seed,
        temperature: 0.7,
        "max_tokens": 8,
      });
      return choices[0]!.text;
    };
    const alone = new Map<string, string>();
    for (const prompt of prompts) alone.set(prompt, await ask(prompt, 3));
    const bad = () =>
      fetch(`${server.url}/completions`, { method: "POST", body: "{" })
        .then(async (response) => {
          await response.body?.cancel();
          assertEquals(response.status, 400);
        });
    await Promise.all(Array.from({ length: 32 }, async (_, client) => {
      const prompt = prompts[client % prompts.length]!;
      const leave = new AbortController();
      if (client % 5 === 0) setTimeout(() => leave.abort(), 30 + client);
      const left = fetch(`${server.url}/completions`, {
        method: "POST",
        signal: leave.signal,
        body: JSON.stringify({ model: "base", prompt, "max_tokens": 20 }),
      }).then((response) => response.body?.cancel()).catch(() => {});
      assertEquals(await ask(prompt, 3), alone.get(prompt));
      await Promise.all([bad(), left]);
    }));
    const metrics = await (await fetch(
      server.url.replace("/v1", "/metrics"),
    )).text();
    assertMatch(metrics, /^wick_texts_running 0$/m);
    assertMatch(metrics, /^wick_texts_waiting 0$/m);
    assertEquals((await server.stop("SIGINT")).code, 130);
  },
});

Deno.test("wrong arguments are told", async () => {
  const run = async (...args: string[]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", "--quiet", MAIN, "serve", ...args],
      stdin: "null",
    }).output();
    return { code, error: new TextDecoder().decode(stderr) };
  };
  const adapter = await run("--model", MODEL, "--adapter", "folder");
  assertEquals(adapter.code, 2);
  assertMatch(adapter.error, /Cannot take "folder" as --adapter.*NAME=DIR/);
  const absent = await run("--model", "nowhere", "--port", "0", "--quiet");
  assertEquals(absent.code, 1);
  assertMatch(absent.error, /^wick: Cannot read nowhere.*\n$/m);
});
