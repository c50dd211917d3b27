import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ChatMessage } from "@wick/models";
import { fittingMessages } from "./fitting_messages.ts";
import { runCaptured } from "./run_captured.ts";

const MODEL = "examples/tickets/base-model";
const CHAT = [
  ...["chat", `--model=${MODEL}`, "--device=cpu", "--max-new-tokens=6"],
  ...["--chat-template=examples/tickets/chat_template.jinja"],
  ...["--stop-token=999"],
];

async function* given(lines: readonly string[]) {
  yield* lines;
}

async function chat(lines: readonly string[], ...args: string[]) {
  return await runCaptured([...CHAT, ...args], { lines: () => given(lines) });
}

/** Starts the program, with pipes. */
function startChat(): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "packages/cli/main.ts", ...CHAT, "--quiet"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { "WICK_BLAS": "off" },
  }).spawn();
}

Deno.test("wick chat answers line by line until /exit", async () => {
  const { code, out, error } = await chat(
    ["call the painter", "", "/help", "/nonsense", "/clear", "/exit", "more"],
    "--json",
  );
  assertEquals(code, 0, error);
  const [line, ...rest] = out.trim().split("\n");
  const { role, content, tokens } = JSON.parse(line!);
  assertEquals([role, tokens, rest], ["assistant", 6, []]);
  const { out: alone } = await runCaptured([
    ...["generate", `--model=${MODEL}`, "--device=cpu", "--quiet"],
    ...["--max-new-tokens=6", "--stop-token=999", "--prompt"],
    "Request: call the painter\nTicket:",
  ]);
  assertEquals(content, alone.trim());
  assertStringIncludes(error, "There is no command /nonsense");
  assertStringIncludes(error, "/clear  begin anew");
});

Deno.test("wick chat runs through a pipe", async () => {
  const child = startChat();
  const writer = child.stdin.getWriter();
  const text = "call the painter\r\npay the baker\n/exit\nnot read\n";
  // Lines need not come whole.
  const bytes = new TextEncoder().encode(text);
  await writer.write(bytes.slice(0, 20));
  await writer.write(bytes.slice(20));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  assertEquals(decoder.decode(stderr), "");
  const lines = decoder.decode(stdout).split("\n").filter(Boolean);
  const want = await chat(["call the painter", "pay the baker"], "--quiet");
  assertEquals(lines, want.out.split("\n").filter(Boolean));
});

Deno.test("wick chat ends at Ctrl-C while it waits for a line", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const child = startChat();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("call the painter\n"));
  let out = "";
  let stopped = false;
  const errors = child.stderr.pipeThrough(new TextDecoderStream());
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += text;
    // The answer is whole, so it waits. A second Ctrl-C would end it at once.
    if (!stopped && out.endsWith("\n")) child.kill("SIGINT");
    stopped ||= out.endsWith("\n");
  }
  const error = (await Array.fromAsync(errors)).join("");
  assertEquals([(await child.status).code, error], [130, "wick: stopped\n"]);
  await writer.abort().catch(() => {});
});

Deno.test("wick chat shows a prompt on a terminal, and keeps what was said", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/template.jinja`;
  // Shows the whole conversation to the model.
  await Deno.writeTextFile(
    path,
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}",
  );
  const run = async (...args: string[]) =>
    await runCaptured([
      ...["chat", `--model=${MODEL}`, "--device=cpu", "--json"],
      ...[`--chat-template=${path}`, "--max-new-tokens=4", ...args],
    ], {
      terminal: true,
      lines: () => given(["one", "two"]),
    });
  const plain = await run();
  const system = await run("--system=Be brief.");
  await Deno.remove(folder, { recursive: true });
  assertEquals(plain.code, 0, plain.error);
  assertEquals(plain.error.split("> ").length, 4);
  assertEquals(system.out.split("\n").length, 3);
  const contents = (out: string) =>
    out.trim().split("\n").map((line) => JSON.parse(line).content);
  const [first] = contents(plain.out);
  const { out } = await runCaptured([
    ...["generate", `--model=${MODEL}`, "--device=cpu", "--quiet"],
    ...["--max-new-tokens=4", "--prompt"],
    `user: one\nassistant: ${first}\nuser: two\n`,
  ]);
  assertEquals(contents(plain.out)[1], out.trim());
});

Deno.test("wick chat says at once that there is no template", async () => {
  const { code, error } = await runCaptured(
    ["chat", `--model=${MODEL}`, "--device=cpu"],
    { lines: () => given(["hello"]) },
  );
  assertEquals(code, 1);
  assertStringIncludes(error, "no chat template");
});

Deno.test("fittingMessages() forgets the oldest turns, not the system's message", () => {
  const turn = (role: string, content: string): ChatMessage => ({
    role,
    content,
  });
  const messages = [
    turn("system", "s"),
    turn("user", "a"),
    turn("assistant", "b"),
    turn("user", "c"),
    turn("assistant", "d"),
    turn("user", "e"),
  ];
  const kept = (most: number) =>
    fittingMessages(messages, (some) => some.length <= most)
      .map(({ content }) => content).join("");
  assertEquals(kept(6), "sabcde");
  assertEquals(kept(5), "scde");
  assertEquals(kept(3), "se");
  assertEquals(kept(1), "se");
});
