import { generateStream } from "@wick/models";
import { type Arguments, present } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openModel } from "./open.ts";

/** `wick generate`. */
export const GENERATE: Command = {
  name: "generate",
  summary: "continues a text",
  usage: "--model DIR --prompt TEXT [options]",
  options: [
    { name: "model", value: "DIR", text: "the model; needed" },
    { name: "adapter", value: "DIR", text: "a PEFT adapter for it" },
    {
      name: "prompt",
      value: "TEXT",
      text: "what to continue; needed. --prompt=-x where it starts with a dash",
    },
    { name: "max-new-tokens", value: "N", text: "tokens at most; 128" },
    {
      name: "temperature",
      value: "X",
      text: "how freely tokens are drawn; 0 takes the likeliest; 0",
    },
    { name: "top-k", value: "N", text: "draws from that many tokens; all" },
    {
      name: "top-p",
      value: "X",
      text: "draws from the likeliest that reach this; 1",
    },
    {
      name: "min-p",
      value: "X",
      text: "draws from those this likely beside the likeliest; 0",
    },
    {
      name: "repetition-penalty",
      value: "X",
      text: "makes tokens of the text less likely; 1",
    },
    { name: "seed", value: "N", text: "which random choices; 0" },
  ],
  examples: [
    "--model examples/tickets/base-model --adapter out/tickets --prompt 'Request: call the painter on monday at 9am\nTicket:'"
      .replace("\n", " "),
    "--model DIR --prompt 'Once upon' --temperature 0.8 --top-p 0.95 --seed 7",
  ],
  run: generate,
};

async function generate(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const prompt = args.text("prompt") ?? args.required("prompt");
  const options = present({
    maxNewTokens: args.whole("max-new-tokens"),
    temperature: args.number("temperature", { minimum: 0 }),
    topK: args.whole("top-k"),
    topP: args.number("top-p", { minimum: Number.MIN_VALUE, maximum: 1 }),
    minP: args.number("min-p", { minimum: 0, maximum: 1 }),
    repetitionPenalty: args.number("repetition-penalty", {
      minimum: Number.MIN_VALUE,
    }),
    seed: args.whole("seed", { minimum: 0 }),
  });
  const json = args.flag("json");
  using opened = new DisposableStack();
  const { model, tokenizer } = await openModel(args, io, opened);
  const began = performance.now();
  let text = "";
  let tokens = 0;
  const pieces = generateStream(model, tokenizer, prompt, {
    ...options,
    signal: io.signal,
  });
  for await (const piece of pieces) {
    text += piece.text;
    tokens++;
    if (!json) io.out(piece.text);
  }
  const seconds = (performance.now() - began) / 1000;
  if (json) {
    io.out(`${JSON.stringify({ prompt, text, tokens, seconds })}\n`);
  } else {
    io.out("\n");
    if (!args.flag("quiet")) {
      io.error(`${tokens} tokens, ${(tokens / seconds).toFixed(1)} tokens/s\n`);
    }
  }
  return 0;
}
