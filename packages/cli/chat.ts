import { type ChatMessage, chatPrompt, generateStream } from "@wick/models";
import type { Arguments } from "./arguments.ts";
import { fittingMessages } from "./fitting_messages.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { type OpenModel, openModel } from "./open.ts";
import { ADAPTER_OPTIONS } from "./open_adapter.ts";
import { QUANTIZE_OPTIONS } from "./quantize_option.ts";
import { readTools } from "./read_tools.ts";
import {
  CHAT_OPTIONS,
  SAMPLING_OPTIONS,
  samplingOptions,
} from "./sampling_options.ts";
import { UsageError } from "./usage_error.ts";

/** `wick chat`. */
export const CHAT: Command = {
  name: "chat",
  summary: "answers what you write, line by line",
  usage: "--model DIR [options]",
  options: [
    { name: "model", value: "DIR", text: "the model; needed" },
    ...ADAPTER_OPTIONS,
    ...CHAT_OPTIONS,
    ...SAMPLING_OPTIONS,
    ...QUANTIZE_OPTIONS,
  ],
  examples: [
    "--model DIR --system 'Answer in one sentence.' --temperature 0.7",
    "--model examples/tickets/base-model --adapter out/tickets --chat-template examples/tickets/chat_template.jinja",
    "--model DIR --json < questions.txt",
  ],
  run: chat,
};

const HELP = [
  "/exit   end",
  "/clear  begin anew, with the system's message if there is one",
  "/help   show this",
  "",
].join("\n");

async function chat(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  args.required("model");
  const options = { ...samplingOptions(args), signal: io.signal };
  const tools = await readTools(args);
  const system = args.filled("system");
  if (!io.lines) throw new UsageError("Cannot chat: there is nothing to read");
  using opened = new DisposableStack();
  const open = await openModel(args, io, opened);
  const first: readonly ChatMessage[] = system === undefined
    ? []
    : [{ role: "system", content: system }];
  // Whether there is a template that takes the messages is said before anything
  // is typed.
  chatPrompt(open.tokenizer, [...first, { role: "user", content: "" }], tools);
  const say = (text: string): void => {
    if (!args.flag("quiet")) io.error(text);
  };
  say("/exit ends, /help shows more\n");
  let messages = [...first];
  const ask = (): void => {
    if (io.terminal) say("> ");
  };
  ask();
  for await (const line of io.lines()) {
    io.signal.throwIfAborted();
    const content = line.trim();
    if (content === "/exit") return 0;
    if (content === "/help") say(HELP);
    else if (content === "/clear") messages = [...first];
    else if (content.startsWith("/")) {
      say(`There is no command ${content}: ${HELP.trimEnd()}\n`);
    } else if (content !== "") {
      const asked = [...messages, { role: "user", content }];
      messages = await answer(asked, open, args, io, { ...options, ...tools });
    }
    ask();
  }
  return 0;
}

/** Answers the last message, and gives the conversation with the answer. */
async function answer(
  asked: readonly ChatMessage[],
  { model, tokenizer }: OpenModel,
  args: Arguments,
  io: Io,
  options: ReturnType<typeof samplingOptions> & {
    readonly tools?: readonly unknown[];
  },
): Promise<ChatMessage[]> {
  const { tools, ...sampling } = options;
  const template = tools ? { tools } : {};
  const encode = (messages: readonly ChatMessage[]): number[] =>
    chatPrompt(tokenizer, messages, template);
  const { maxNewTokens = 128 } = sampling;
  const { maxPositions } = model.config;
  const kept = fittingMessages(
    asked,
    (messages) => encode(messages).length + maxNewTokens <= maxPositions,
  );
  if (kept.length < asked.length && !args.flag("quiet")) {
    io.error(
      `${
        asked.length - kept.length
      } messages forgotten: the model has ${maxPositions} positions\n`,
    );
  }
  const began = performance.now();
  const json = args.flag("json");
  let [text, tokens] = ["", 0];
  const pieces = generateStream(model, tokenizer, [encode(kept)], {
    logProbabilities: false,
    ...sampling,
  });
  for await (const piece of pieces) {
    text += piece.text;
    tokens++;
    if (!json) io.out(piece.text);
  }
  const content = text.trim();
  const seconds = (performance.now() - began) / 1000;
  io.out(
    json
      ? `${JSON.stringify({ role: "assistant", content, tokens, seconds })}\n`
      : "\n",
  );
  return [...kept, { role: "assistant", content }];
}
