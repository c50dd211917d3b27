import type { Arguments } from "../arguments.ts";
import { present } from "../arguments.ts";
import type { Command } from "../command.ts";
import type { Io } from "../io.ts";
import { loadOptions, QUANTIZE_OPTIONS } from "../quantize_option.ts";
import { UsageError } from "../usage_error.ts";
import { createHandler } from "./handler.ts";
import { watchLoop } from "./loop_watch.ts";
import { WorkerEngine } from "./worker_engine.ts";

/** `wick serve`. */
export const SERVE: Command = {
  name: "serve",
  summary: "answers requests in the form of OpenAI's API",
  usage: "--model DIR [--adapter NAME=DIR …] [options]",
  options: [
    { name: "model", value: "DIR", text: "the base model; needed" },
    {
      name: "adapter",
      value: "NAME=DIR",
      text: "an adapter, which requests name as their model; may be repeated",
      repeats: true,
    },
    {
      name: "name",
      value: "NAME",
      text: "what requests call the base model; the name of its folder",
    },
    {
      name: "embedding-model",
      value: "DIR",
      text: "a text encoder for /v1/embeddings",
    },
    {
      name: "adapter-folder",
      value: "DIR",
      text: "lets clients load adapters from inside it, and unload any",
    },
    ...QUANTIZE_OPTIONS,
    { name: "host", value: "HOST", text: "the address; 127.0.0.1" },
    { name: "port", value: "N", text: "the port; 0 takes a free one; 8080" },
    {
      name: "api-key",
      value: "KEY",
      text: "what clients must send; WICK_API_KEY if absent",
    },
    { name: "rows", value: "N", text: "texts made at once; 8" },
    { name: "queue", value: "N", text: "texts that may wait; 64" },
    {
      name: "max-length",
      value: "N",
      text: "tokens of a text with its prompt; 2048, or the model's positions",
    },
    {
      name: "max-body",
      value: "N",
      text: "bytes of a request; 1048576",
    },
    {
      name: "body-timeout",
      value: "N",
      text: "seconds that a request's body may take; 10",
    },
  ],
  examples: [
    "--model examples/tickets/base-model --adapter tickets=out/tickets",
    "--model DIR --host 0.0.0.0 --port 80 --adapter-folder adapters --rows 16",
  ],
  run: serve,
};

async function serve(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const folder = args.required("model");
  const device = args.choice("device", ["cpu", "webgpu", "auto"]);
  const say = (line: string): void =>
    args.flag("quiet") ? undefined : io.error(`wick: ${line}\n`);
  await using engine = await WorkerEngine.open({
    model: folder,
    name: args.filled("name") ?? nameOf(folder),
    adapters: readAdapters(args.texts("adapter")),
    rows: args.whole("rows") ?? 8,
    queue: args.whole("queue", { minimum: 0 }) ?? 64,
    capacity: args.whole("max-length", { minimum: 2 }) ?? 2048,
    load: loadOptions(args),
    ...present({ device, embeddingModel: args.filled("embedding-model") }),
  });
  say(engine.device);
  const apiKey = args.filled("api-key") ?? readKey();
  using watch = watchLoop();
  const handler = createHandler(engine, {
    watch,
    body: {
      bytes: args.whole("max-body") ?? 2 ** 20,
      seconds: args.number("body-timeout", { minimum: 0.1 }) ?? 10,
    },
    onFailure: (error) => io.error(`wick: ${textOf(error)}\n`),
    ...present({ apiKey, adapterFolder: args.filled("adapter-folder") }),
  });
  const hostname = args.filled("host") ?? "127.0.0.1";
  await using server = Deno.serve({
    hostname,
    port: args.whole("port", { minimum: 0, maximum: 65535 }) ?? 8080,
    onListen: ({ port }) => {
      const url = `http://${hostname}:${port}/v1`;
      const models = engine.models().map(({ name }) => name);
      io.out(
        args.flag("json")
          ? `${JSON.stringify({ event: "listening", url, models })}\n`
          : `${url} serves ${models.join(", ")}\n`,
      );
    },
  }, handler);
  const broken = await Promise.race([untilStopped(io.signal), engine.broken]);
  if (broken) throw broken;
  say("finishing what runs; once more to stop at once");
  // Waits for the answers that are being sent.
  await server.shutdown();
  return io.signal.aborted ? 130 : 0;
}

/** Settles when the process is asked to end. */
async function untilStopped(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  const windows = Deno.build.os === "windows";
  if (!windows) Deno.addSignalListener("SIGTERM", stop);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  await promise;
  signal.removeEventListener("abort", stop);
  if (!windows) Deno.removeSignalListener("SIGTERM", stop);
}

function readAdapters(texts: readonly string[]): Record<string, string> {
  const adapters = new Map<string, string>();
  for (const text of texts) {
    const [, name, folder] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || folder === undefined) {
      throw new UsageError(
        `Cannot take "${text}" as --adapter: it must be NAME=DIR`,
      );
    }
    if (adapters.has(name)) {
      throw new UsageError(
        `Cannot take two adapters of the name "${name}": give each its own`,
      );
    }
    adapters.set(name, folder);
  }
  return Object.fromEntries(adapters);
}

/** The key in the environment, where it may be read without asking. */
function readKey(): string | undefined {
  const variable = "WICK_API_KEY";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return (state === "granted" && Deno.env.get(variable)) || undefined;
}

function nameOf(folder: string): string {
  return folder.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1) || "base";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
