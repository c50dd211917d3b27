import {
  type ChatMessage,
  chatPrompt,
  FileFormatError,
  isJsonObject,
  type JsonObject,
  type Prompt,
  type Tokenizer,
} from "@wick/models";
import { readJsonLines } from "./read_json_lines.ts";

/** A prompt of a file. */
export interface ReadPrompt {
  /** What is continued. */
  readonly prompt: Prompt;
  /** The name of the adapter that continues it, or null. */
  readonly adapter: string | null;
  /** The line as it stands. */
  readonly line: JsonObject;
}

/** Options of {@linkcode readPrompts}. */
export interface ReadPromptsOptions {
  /** The tools of chats that name none. */
  readonly tools?: readonly unknown[];
  /** A message that is put before chats that do not begin with one like it. */
  readonly system?: string;
  /** Whether a `prompt` is a message of a user. */
  readonly chat: boolean;
}

/**
 * Reads prompts from a `jsonl` file. A line has a `prompt`, or `messages` and
 * maybe `tools`, and maybe the name of an `adapter`.
 *
 * @param path The file.
 * @param tokenizer What turns messages into tokens.
 * @param options What holds for all.
 * @returns The prompts, at least one.
 * @throws {FileFormatError} If the file is missing or a line is none of this.
 */
export async function readPrompts(
  path: string,
  tokenizer: Tokenizer,
  options: ReadPromptsOptions,
): Promise<ReadPrompt[]> {
  return (await readJsonLines(path)).map(({ line, value }) => {
    const fail = (problem: string): never => {
      throw new FileFormatError(path, `line ${line}: ${problem}`);
    };
    const { adapter = null, prompt, messages, tools = options.tools } = value;
    if (adapter !== null && typeof adapter !== "string") {
      return fail('"adapter" is not a name');
    }
    if (messages !== undefined) {
      if (!isConversation(messages)) {
        return fail(
          '"messages" is not a list of turns with "role" and "content"',
        );
      }
      if (tools !== undefined && !Array.isArray(tools)) {
        return fail('"tools" is not a list');
      }
      const given = tools === undefined ? {} : { tools };
      const ids = chatPrompt(tokenizer, withSystem(messages, options), given);
      return { prompt: ids, adapter, line: value };
    }
    if (typeof prompt !== "string") {
      return fail('it has neither a "prompt" that is a text nor "messages"');
    }
    return {
      prompt: options.chat ? userPrompt(prompt, tokenizer, options) : prompt,
      adapter,
      line: value,
    };
  });
}

/**
 * Gives the tokens of a conversation of one message.
 *
 * @param content What the user says.
 * @param tokenizer What turns it into tokens.
 * @param options A message of the system, and tools.
 * @returns The tokens.
 */
export function userPrompt(
  content: string,
  tokenizer: Tokenizer,
  options: Pick<ReadPromptsOptions, "tools" | "system">,
): number[] {
  const { tools } = options;
  const messages = withSystem([{ role: "user", content }], options);
  return chatPrompt(tokenizer, messages, tools ? { tools } : {});
}

function withSystem(
  messages: readonly ChatMessage[],
  { system }: Pick<ReadPromptsOptions, "system">,
): readonly ChatMessage[] {
  return system === undefined || messages[0]?.role === "system"
    ? messages
    : [{ role: "system", content: system }, ...messages];
}

function isConversation(value: unknown): value is ChatMessage[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTurn);
}

/** Whether a value is a message; one that calls tools may say nothing. */
function isTurn(value: unknown): boolean {
  if (!isJsonObject(value) || typeof value["role"] !== "string") return false;
  return typeof value["content"] === "string" ||
    (value["content"] === null && Array.isArray(value["tool_calls"]));
}
