// The server under load on loopback: many clients at once, clients that leave,
// bodies that never end, bad requests; each answer is compared with the same
// request alone. Prints what was seen, and fails where something is wrong:
//
//   deno run -A bench/serve_load.ts [SECONDS] [CLIENTS]
import { TICKETS } from "./tickets_model.ts";

const [seconds = 60, clients = 64] = Deno.args.map(Number);
const MAIN = new URL("../packages/cli/main.ts", import.meta.url).pathname;
const BAD_REQUESTS = 1000;
const PROMPTS = ["Request: call", "Keys: time", "a", "Request: the roof leaks"];

const child = new Deno.Command(Deno.execPath(), {
  args: [
    ...["run", "-A", "--no-prompt", "--quiet", MAIN, "serve", "--json"],
    ...["--model", TICKETS, "--name", "base", "--port", "0", "--rows", "16"],
    ...["--queue", "256", "--body-timeout", "1"],
  ],
  stdin: "null",
  stdout: "piped",
}).spawn();
const reader = child.stdout.getReader();
const { url } = JSON.parse(
  new TextDecoder().decode((await reader.read()).value),
);

async function ask(number: number, signal?: AbortSignal): Promise<string> {
  const response = await fetch(`${url}/completions`, {
    method: "POST",
    ...(signal && { signal }),
    body: JSON.stringify({
      model: "base",
      prompt: PROMPTS[number % PROMPTS.length],
      seed: number % 8,
      temperature: number % 2 === 0 ? 0 : 0.8,
      "max_tokens": 16,
    }),
  });
  const { choices, error } = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${error.message}`);
  return choices[0].text;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(url.replace("/v1", "/metrics"))).text();
  return Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
}

/** The texts that the server is at, running and waiting. */
async function texts(): Promise<number> {
  return await metric("wick_texts_running") +
    await metric("wick_texts_waiting");
}

async function residentBytes(): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

const counts = { answers: 0, wrong: 0, left: 0, bad: 0, endless: 0 };
const alone: string[] = [];
for (let number = 0; number < 8; number++) alone.push(await ask(number));

async function client(number: number, end: number): Promise<void> {
  for (let turn = number; performance.now() < end; turn++) {
    if (turn % 7 === 0) {
      const leave = new AbortController();
      setTimeout(() => leave.abort(), 20 + turn % 50);
      await ask(turn, leave.signal).catch(() => counts.left++);
      continue;
    }
    const text = await ask(turn);
    counts.answers++;
    if (text !== alone[turn % 8]) counts.wrong++;
  }
}

/** A body that never ends. */
async function endless(): Promise<void> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(
    "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{",
  ));
  const answer = new Uint8Array(64);
  await connection.read(answer);
  if (new TextDecoder().decode(answer).includes(" 408 ")) counts.endless++;
}

async function bad(): Promise<void> {
  for (let i = 0; i < BAD_REQUESTS; i++) {
    const response = await fetch(`${url}/completions`, {
      method: "POST",
      body: i % 2 === 0 ? "{" : JSON.stringify({ model: "base", n: -i }),
    });
    await response.body?.cancel();
    if (response.status === 400) counts.bad++;
  }
}

/** The load for half the time, and what the quiet server holds after it. */
async function half(): Promise<{ resident: number; device: number }> {
  const end = performance.now() + seconds * 500;
  await Promise.all(
    Array.from({ length: clients }, (_, number) => client(number, end)),
  );
  for (let turn = 0; turn < 100 && await texts() > 0; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    resident: await residentBytes(),
    device: await metric("wick_device_bytes"),
  };
}

const disturbing = Promise.all([...Array.from({ length: 8 }, endless), bad()]);
const halfway = await half();
const after = await half();
await disturbing;
const report = {
  ...counts,
  seconds,
  clients,
  answersPerSecond: counts.answers / seconds,
  tokens: await metric("wick_generated_tokens_total"),
  longestGapMilliseconds: 1000 *
    await metric("wick_event_loop_longest_gap_seconds"),
  residentGrowthBytes: after.resident - halfway.resident,
  deviceGrowthBytes: after.device - halfway.device,
  running: await metric("wick_texts_running"),
  waiting: await metric("wick_texts_waiting"),
};
child.kill("SIGTERM");
await child.status;
Deno.stdout.writeSync(
  new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`),
);
if (
  counts.wrong > 0 || counts.bad !== BAD_REQUESTS || counts.endless !== 8 ||
  report.running + report.waiting > 0
) Deno.exitCode = 1;
