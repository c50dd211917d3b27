import { AdapterMix, loadAdapter, type LoraAdapter } from "@wick/lora";
import {
  type CausalLanguageModel,
  generateStream,
  type GenerateTextOptions,
  type Prompt,
  type Tokenizer,
} from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openModel } from "./open.ts";
import { ADAPTER_OPTIONS } from "./open_adapter.ts";
import { type ReadPrompt, readPrompts, userPrompt } from "./read_prompts.ts";
import { readTools } from "./read_tools.ts";
import {
  CHAT_OPTIONS,
  SAMPLING_OPTIONS,
  samplingOptions,
} from "./sampling_options.ts";
import { UsageError } from "./usage_error.ts";
import { QUANTIZE_OPTIONS } from "./quantize_option.ts";

/** `wick generate`. */
export const GENERATE: Command = {
  name: "generate",
  summary: "continues a text, or many at once",
  usage: "--model DIR --prompt TEXT [options]",
  options: [
    { name: "model", value: "DIR", text: "the model; needed" },
    ...ADAPTER_OPTIONS,
    {
      name: "prompt",
      value: "TEXT",
      text: "what to continue. --prompt=-x where it starts with a dash",
    },
    {
      name: "prompts",
      value: "FILE",
      text:
        'instead, a jsonl file of {"prompt"} or {"messages"}; results are jsonl, too',
    },
    {
      name: "adapters",
      value: "NAME=DIR",
      repeats: true,
      text: 'an adapter for lines of the file with "adapter": NAME',
    },
    {
      name: "batch-size",
      value: "N",
      text: "texts of the file that run at once; 64 at most",
    },
    { name: "chat", text: "the prompt is a message of a user" },
    ...CHAT_OPTIONS,
    ...SAMPLING_OPTIONS,
    {
      name: "log-probabilities",
      text:
        "list the tokens in JSON, with the logarithms of their probabilities",
    },
    ...QUANTIZE_OPTIONS,
  ],
  examples: [
    "--model examples/tickets/base-model --adapter out/tickets --prompt $'Request: call the painter on monday at 9am\\nTicket:'",
    "--model DIR --prompt 'Once upon' --temperature 0.8 --top-p 0.95 --seed 7",
    "--model DIR --chat --prompt 'Who are you?' --system 'Be brief.' --stop $'\\n'",
    "--model DIR --prompts FILE.jsonl --adapters law=DIR --adapters tax=DIR",
  ],
  run: generate,
};

/** What the model wrote to one prompt. */
interface Written {
  text: string;
  tokens: { id: number; text: string; logProbability: number }[];
  finish: string | undefined;
}

async function generate(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const file = args.filled("prompts");
  const prompt = file === undefined
    ? args.text("prompt") ?? args.required("prompt")
    : undefined;
  if (file !== undefined && args.text("prompt") !== undefined) {
    throw new UsageError("Cannot take both --prompt and --prompts");
  }
  const options = samplingOptions(args);
  const batchSize = args.whole("batch-size");
  const named = namedFolders(args);
  if (
    named.size > 0 && (file === undefined || args.texts("adapter").length > 0)
  ) {
    throw new UsageError(
      "Cannot take --adapters but with --prompts, and not with --adapter",
    );
  }
  args.required("model");
  const system = args.filled("system");
  const context = {
    ...await readTools(args),
    ...(system !== undefined && { system }),
    chat: args.flag("chat"),
  };
  using opened = new DisposableStack();
  const { model, tokenizer } = await openModel(args, io, opened);
  const run = new Run(args, io, model, tokenizer, {
    ...options,
    ...(batchSize !== undefined && { batchSize }),
    logProbabilities: args.flag("log-probabilities"),
  });
  if (file === undefined) {
    await run.one(
      context.chat ? userPrompt(prompt!, tokenizer, context) : prompt!,
      prompt!,
    );
    return 0;
  }
  const prompts = await readPrompts(file, tokenizer, context);
  await mixAdapters(model, named, opened);
  await run.many(prompts);
  return 0;
}

/** Generates as the arguments say, and writes what comes. */
class Run {
  readonly #args: Arguments;
  readonly #io: Io;
  readonly #model: CausalLanguageModel;
  readonly #tokenizer: Tokenizer;
  readonly #options: GenerateTextOptions;

  constructor(
    args: Arguments,
    io: Io,
    model: CausalLanguageModel,
    tokenizer: Tokenizer,
    options: GenerateTextOptions,
  ) {
    this.#args = args;
    this.#io = io;
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#options = { ...options, signal: io.signal };
  }

  /** Continues one text, and shows it as it comes. */
  async one(prompt: Prompt, shown: string): Promise<void> {
    const io = this.#io;
    const json = this.#args.flag("json");
    const began = performance.now();
    const written = empty();
    for await (const piece of this.#stream([prompt], this.#options)) {
      take(written, piece);
      if (!json) io.out(piece.text);
    }
    const seconds = (performance.now() - began) / 1000;
    io.out(
      json
        ? `${
          JSON.stringify({
            prompt: shown,
            ...this.#report(written),
            seconds,
          })
        }\n`
        : "\n",
    );
    if (!json) this.#speed(written.tokens.length, seconds);
  }

  /** Continues many texts; their results come in the order of the prompts. */
  async many(prompts: readonly ReadPrompt[]): Promise<void> {
    const began = performance.now();
    const all = prompts.map(empty);
    const adapters = prompts.some(({ adapter }) => adapter !== null)
      ? { adapters: prompts.map(({ adapter }) => adapter) }
      : {};
    const pieces = this.#stream(prompts.map(({ prompt }) => prompt), {
      ...this.#options,
      ...adapters,
    });
    let shown = 0;
    let tokens = 0;
    for await (const piece of pieces) {
      take(all[piece.row]!, piece);
      tokens++;
      while (all[shown]?.finish !== undefined) {
        const { line } = prompts[shown]!;
        const result = { ...line, ...this.#report(all[shown]!) };
        this.#io.out(`${JSON.stringify(result)}\n`);
        shown++;
      }
    }
    this.#speed(tokens, (performance.now() - began) / 1000);
  }

  #stream(prompts: readonly Prompt[], options: GenerateTextOptions) {
    return generateStream(this.#model, this.#tokenizer, prompts, options);
  }

  #report({ text, tokens, finish }: Written): Record<string, unknown> {
    return {
      text,
      tokens: tokens.length,
      finish,
      ...(this.#args.flag("log-probabilities") && {
        logProbabilities: tokens,
      }),
    };
  }

  #speed(tokens: number, seconds: number): void {
    if (this.#args.flag("quiet")) return;
    this.#io.error(
      `${tokens} tokens, ${(tokens / seconds).toFixed(1)} tokens/s\n`,
    );
  }
}

function empty(): Written {
  return { text: "", tokens: [], finish: undefined };
}

function take(
  written: Written,
  { id, text, logProbability, finish }: Written["tokens"][number] & {
    readonly finish?: string;
  },
): void {
  written.text += text;
  written.tokens.push({ id, text, logProbability });
  written.finish = finish;
}

/** The folders of `--adapters`, by name. */
function namedFolders(args: Arguments): Map<string, string> {
  const folders = new Map<string, string>();
  for (const given of args.texts("adapters")) {
    const [, name, folder] = /^([^=]+)=(.+)$/.exec(given) ?? [];
    if (!name || !folder || folders.has(name)) {
      throw new UsageError(
        `Cannot take "${given}" as --adapters: it must be NAME=DIR, each name once`,
      );
    }
    folders.set(name, folder);
  }
  return folders;
}

/** Puts adapters into the model, of which each row has one or none. */
async function mixAdapters(
  model: CausalLanguageModel,
  folders: ReadonlyMap<string, string>,
  opened: DisposableStack,
): Promise<void> {
  if (folders.size === 0) return;
  const adapters: Record<string, LoraAdapter> = {};
  for (const [name, folder] of folders) {
    adapters[name] = opened.use(
      await loadAdapter(model, folder, { insert: false }),
    );
  }
  opened.use(new AdapterMix(model, adapters));
}
