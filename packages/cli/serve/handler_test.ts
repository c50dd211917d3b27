import OpenAI from "openai";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHandler, type HandlerOptions } from "./handler.ts";
import { ScriptedEngine } from "./scripted_engine_test.ts";

/** A server on loopback, with a client of OpenAI's for it. */
function serve(options: Partial<HandlerOptions> = {}) {
  const engine = new ScriptedEngine();
  const failures: unknown[] = [];
  const handler = createHandler(engine, {
    body: { bytes: 4096, seconds: 0.3 },
    watch: { longestGap: 0.25, [Symbol.dispose]: () => {} },
    onFailure: (error) => failures.push(error),
    ...options,
  });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    handler,
  );
  const root = `http://127.0.0.1:${server.addr.port}`;
  const client = new OpenAI({
    baseURL: `${root}/v1`,
    apiKey: options.apiKey ?? "none",
    maxRetries: 0,
  });
  return {
    ...{ engine, failures, root, client },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function post(url: string, body: string | ReadableStream) {
  const response = await fetch(url, { method: "POST", body });
  const answer = await response.json();
  return { status: response.status, error: answer.error, answer };
}

Deno.test("a completion, whole and as a stream, is the same text", async () => {
  await using server = serve();
  const body = { model: "base", prompt: "one two three", "max_tokens": 2 };
  const whole = await server.client.completions.create(body);
  assertEquals(whole.choices[0]!.text, "three two ");
  assertEquals(whole.choices[0]!.finish_reason, "stop");
  assertEquals(whole.usage, {
    prompt_tokens: 3,
    completion_tokens: 2,
    total_tokens: 5,
  });
  let text = "";
  const pieces = await server.client.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  });
  let usage = 0;
  for await (const { choices, usage: numbers } of pieces) {
    text += choices[0]?.text ?? "";
    usage = numbers?.total_tokens ?? usage;
  }
  assertEquals([text, usage], ["three two ", 5]);
});

Deno.test("a chat, whole and as a stream, is the same text", async () => {
  await using server = serve();
  const body = {
    model: "base",
    messages: [
      { role: "system" as const, content: "be brief" },
      {
        role: "user" as const,
        content: [{ type: "text" as const, text: "hello there" }],
      },
    ],
    logprobs: true,
    seed: 7,
    temperature: 0.5,
    "top_p": 0.9,
    stop: "END",
  };
  const whole = await server.client.chat.completions.create(body);
  const [choice] = whole.choices;
  assertEquals(choice!.message.content, "there hello brief be ");
  assertEquals(choice!.logprobs?.content?.[1]?.token, "hello ");
  assertEquals(choice!.logprobs?.content?.[1]?.logprob, -1);
  const stream = await server.client.chat.completions.create({
    ...body,
    stream: true,
  });
  let text = "";
  let reason: string | null = null;
  for await (const { choices } of stream) {
    text += choices[0]!.delta.content ?? "";
    reason = choices[0]!.finish_reason;
  }
  assertEquals([text, reason], ["there hello brief be ", "stop"]);
  const { sampling, seed, stop } = server.engine.tasks[0]!;
  assertEquals(sampling, { temperature: 0.5, topP: 0.9 });
  assertEquals([seed, stop], [7, ["END"]]);
});

Deno.test("several prompts and choices keep their order, each has a seed", async () => {
  await using server = serve();
  const { choices } = await server.client.completions.create({
    model: "base",
    prompt: ["a b", "c d"],
    n: 2,
    seed: 10,
  });
  assertEquals(
    choices.map(({ text, index }) => [index, text]),
    [[0, "b a "], [1, "b a "], [2, "d c "], [3, "d c "]],
  );
  assertEquals(server.engine.tasks.map(({ seed }) => seed), [10, 11, 10, 11]);
});

Deno.test("prompts may be tokens", async () => {
  await using server = serve();
  const { choices } = await server.client.completions.create({
    model: "base",
    prompt: [[5, 6], [7]],
  });
  assertEquals(choices.map(({ text }) => text), ["6 5 ", "7 "]);
});

Deno.test("embeddings come as numbers and in base64", async () => {
  await using server = serve();
  const body = { model: "vectors", input: ["abc", "de"] };
  const { data, usage } = await server.client.embeddings.create(body);
  assertEquals(data.map(({ embedding }) => embedding), [[3, 0.5], [2, 0.5]]);
  assertEquals(usage.total_tokens, 2);
  await assertRejects(
    () => server.client.embeddings.create({ ...body, model: "base" }),
    OpenAI.NotFoundError,
    'Cannot embed with the model "base": there is vectors',
  );
});

Deno.test("a client that leaves ends its text", async () => {
  await using server = serve();
  server.engine.pause = 20;
  const stream = await server.client.completions.create({
    model: "base",
    prompt: "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    max_tokens: 26,
    stream: true,
  });
  for await (const _ of stream) break;
  for (let i = 0; i < 100 && server.engine.left === 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(server.engine.left, 1);
});

Deno.test("an engine without a place answers 429, a broken one 500", async () => {
  await using server = serve();
  await assertRejects(
    () => server.client.completions.create({ model: "full", prompt: "a" }),
    OpenAI.RateLimitError,
  );
  const { status, error } = await post(
    `${server.root}/v1/completions`,
    JSON.stringify({ model: "base", prompt: "a explode" }),
  );
  assertEquals(status, 500);
  assertEquals(error.message, "Cannot answer: the server failed, see its log");
  assertEquals(server.failures.length, 1);
  // In a stream the head is out already: the error is its last event.
  const response = await fetch(`${server.root}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "base", prompt: "explode a", stream: true }),
  });
  assertMatch(await response.text(), /"text":"a "[^]*"error":[^]*\[DONE\]/);
});

Deno.test("wrong requests name the field and what it must be", async () => {
  await using server = serve();
  const url = `${server.root}/v1/completions`;
  const wrong: readonly (readonly [body: unknown, message: RegExp])[] = [
    [[], /must be a JSON object/],
    [{ prompt: "a" }, /"model": it must be a text/],
    [{ model: "base" }, /"prompt": it must be a text, a list of tokens/],
    [{ model: "base", prompt: [] }, /"prompt"/],
    [{ model: "base", prompt: [["a"]] }, /"prompt"/],
    [{ model: "base", prompt: "a", max_tokens: 0 }, /"max_tokens".* from 1/],
    [{ model: "base", prompt: "a", max_tokens: 1.5 }, /a whole number/],
    [{ model: "base", prompt: "a", temperature: -1 }, /"temperature"/],
    [{ model: "base", prompt: "a", temperature: "x" }, /"temperature"/],
    [{ model: "base", prompt: "a", stop: [1] }, /"stop"/],
    [{ model: "base", prompt: "a", stop: ["a", "b", "c", "d", "e"] }, /"stop"/],
    [{ model: "base", prompt: "a", n: 1000 }, /"n"/],
    [{ model: "base", prompt: "a", presence_penalty: 1 }, /left out or 0/],
    [{ model: "base", prompt: "a", logit_bias: { 5: 1 } }, /left out/],
    [{ model: "base", prompt: "a", stream: 1 }, /true or false/],
  ];
  for (const [body, message] of wrong) {
    const { status, error } = await post(url, JSON.stringify(body));
    assertEquals(status, 400, JSON.stringify(body));
    assertMatch(error.message, message);
  }
  assertEquals(server.engine.tasks.length, 0);
});

Deno.test("a wrong conversation is refused by the place in it", async () => {
  await using server = serve();
  const turn = { role: "user", content: "a" };
  const image = { type: "image_url", "image_url": { url: "data:," } };
  const wrong: readonly (readonly [fields: object, param: string])[] = [
    [{}, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: "a" }, "messages"],
    [{ messages: [turn, "a"] }, "messages[1]"],
    [{ messages: [turn, turn, []] }, "messages[2]"],
    [{ messages: [{ content: "a" }] }, "messages[0].role"],
    [{ messages: [{ role: "", content: "a" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: 5 }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [image] }] }, "messages[0].content"],
    [{ messages: [turn], tools: {} }, "tools"],
  ];
  const url = `${server.root}/v1/chat/completions`;
  for (const [fields, param] of wrong) {
    const body = JSON.stringify({ model: "base", ...fields });
    const { status, error } = await post(url, body);
    assertEquals([status, error.param], [400, param], body);
  }
  const { status, error } = await post(
    `${server.root}/v1/embeddings`,
    JSON.stringify({ model: "vectors", input: [] }),
  );
  assertEquals([status, error.param], [400, "input"]);
  assertEquals(server.engine.tasks.length, 0);
});

Deno.test("a message that only calls tools has no content", async () => {
  await using server = serve();
  const tools = [{ type: "function", function: { name: "now" } }];
  const call = { role: "assistant", content: null, "tool_calls": [] };
  for (const choice of ["auto", "none"]) {
    const { status } = await post(
      `${server.root}/v1/chat/completions`,
      JSON.stringify({
        ...{ model: "base", tools, "tool_choice": choice },
        messages: [{ role: "user", content: "a" }, call],
      }),
    );
    assertEquals(status, 200);
  }
  const prompts = server.engine.tasks.map(({ prompt }) => prompt);
  assertEquals(
    prompts.map((prompt) => prompt.kind === "chat" && prompt.tools),
    [tools, undefined],
  );
  const [first] = prompts;
  assertEquals(
    first?.kind === "chat" && first.messages.map(({ content }) => content),
    ["a", ""],
  );
});

Deno.test("bodies that are no JSON, too large or never end are refused", async () => {
  await using server = serve();
  const url = `${server.root}/v1/completions`;
  assertEquals((await post(url, "{")).status, 400);
  assertEquals((await post(url, `"${"x".repeat(5000)}"`)).status, 413);
  using connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(server.root).port),
  });
  const head = "POST /v1/completions HTTP/1.1\r\nhost: x\r\n" +
    "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n";
  await connection.write(new TextEncoder().encode(head));
  let answer = "";
  for await (const part of connection.readable) {
    answer += new TextDecoder().decode(part);
    if (answer.includes("}}")) break;
  }
  assertMatch(answer, /^HTTP\/1.1 408 [^]*it took more than 0.3 s/);
});

Deno.test("unknown paths and methods are told what there is", async () => {
  await using server = serve();
  const lost = await fetch(`${server.root}/v2/constructor`);
  assertEquals(lost.status, 404);
  assertMatch((await lost.json()).error.message, /\/v1\/chat\/completions/);
  const wrong = await fetch(`${server.root}/v1/models`, { method: "DELETE" });
  assertEquals([wrong.status, wrong.headers.get("allow")], [405, "GET"]);
  await wrong.body?.cancel();
});

Deno.test("a key is asked for everywhere but at /health", async () => {
  await using server = serve({ apiKey: "secret" });
  assertEquals(
    (await (await fetch(`${server.root}/health`)).json()).status,
    "ok",
  );
  const refused = await fetch(`${server.root}/v1/models`);
  assertEquals(refused.status, 401);
  await refused.body?.cancel();
  const names: string[] = [];
  for await (const { id } of server.client.models.list()) names.push(id);
  assertEquals(names, ["base", "vectors"]);
});

Deno.test("adapters come and go, only from their folder", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/inside/good`, { recursive: true });
  await Deno.mkdir(`${folder}/outside/good`, { recursive: true });
  await Deno.symlink(`${folder}/outside`, `${folder}/inside/link`);
  await using server = serve({ adapterFolder: `${folder}/inside` });
  const load = (path: string) =>
    post(
      `${server.root}/v1/load_lora_adapter`,
      JSON.stringify({ lora_name: "mine", lora_path: path }),
    );
  for (const path of ["../outside/good", "link/good", "absent", "/"]) {
    const { status, error } = await load(path);
    assertEquals(status, 400, path);
    assertMatch(error.message, /a folder inside that of --adapter-folder/);
  }
  assertEquals((await load("good")).status, 200);
  assertEquals(server.engine.models().at(-1)?.name, "mine");
  const unload = () =>
    post(
      `${server.root}/v1/unload_lora_adapter`,
      JSON.stringify({ lora_name: "mine" }),
    );
  assertEquals((await unload()).answer.deleted, true);
  assertEquals((await unload()).status, 404);
  await using closed = serve();
  const { status } = await post(
    `${closed.root}/v1/load_lora_adapter`,
    JSON.stringify({ lora_name: "mine", lora_path: "good" }),
  );
  assertEquals(status, 403);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("metrics are in the text form of Prometheus", async () => {
  await using server = serve();
  await server.client.completions.create({ model: "base", prompt: "a" });
  await (await fetch(`${server.root}/nowhere`)).body?.cancel();
  const text = await (await fetch(`${server.root}/metrics`)).text();
  assertMatch(
    text,
    /^wick_requests_total\{path="\/v1\/completions",status="200"\} 1$/m,
  );
  assertMatch(text, /^wick_requests_total\{path="other",status="404"\} 1$/m);
  assertMatch(text, /^wick_request_seconds_count 2$/m);
  assertMatch(text, /^wick_generated_tokens_total 4$/m);
  assertMatch(text, /^wick_event_loop_longest_gap_seconds 0.25$/m);
  const line = /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [0-9.e+-]+)$/;
  for (const one of text.trimEnd().split("\n")) assertMatch(one, line);
});
