import type { GenerateTextOptions } from "@wick/models";
import { type Arguments, present } from "./arguments.ts";
import type { Option } from "./option.ts";

/** The options of commands that generate text. */
export const SAMPLING_OPTIONS: readonly Option[] = [
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
  {
    name: "stop",
    value: "TEXT",
    repeats: true,
    text: "ends a text where this appears; may be given several times",
  },
  {
    name: "stop-token",
    value: "ID",
    repeats: true,
    text: "ends a text, instead of the model's own tokens; the same",
  },
];

/**
 * Reads the options of {@linkcode SAMPLING_OPTIONS}.
 *
 * @param args The arguments.
 * @returns Those that are given.
 * @throws {UsageError} If one is not what it must be.
 */
export function samplingOptions(args: Arguments): GenerateTextOptions {
  const stopStrings = args.texts("stop");
  const stopTokenIds = args.wholes("stop-token");
  return {
    ...present({
      maxNewTokens: args.whole("max-new-tokens"),
      temperature: args.number("temperature", { minimum: 0 }),
      topK: args.whole("top-k"),
      topP: args.number("top-p", { minimum: Number.MIN_VALUE, maximum: 1 }),
      minP: args.number("min-p", { minimum: 0, maximum: 1 }),
      repetitionPenalty: args.number("repetition-penalty", {
        minimum: Number.MIN_VALUE,
      }),
      seed: args.whole("seed", { minimum: 0 }),
    }),
    ...(stopStrings.length > 0 && { stopStrings }),
    ...(stopTokenIds.length > 0 && { stopTokenIds }),
  };
}

/** The options of commands that know chat templates. */
export const CHAT_OPTIONS: readonly Option[] = [
  {
    name: "system",
    value: "TEXT",
    text: "a message of the system, before all",
  },
  {
    name: "chat-template",
    value: "FILE",
    text: "the Jinja template of conversations; the model's if absent",
  },
  {
    name: "tools",
    value: "FILE",
    text: "a JSON list of the tools that the template describes",
  },
];
