import {
  type ChatMessage,
  FileFormatError,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  readText,
} from "@wick/models";
import type { Example } from "./example.ts";

const KINDS = {
  completion: '"prompt" and "completion"',
  chat: '"messages"',
  text: '"text"',
} as const satisfies Record<Example["kind"], string>;

/**
 * Reads a data set: one JSON object a line, all of the kind of the first.
 *
 * @example Usage
 * ```ts
 * import { readExamples } from "@wick/training";
 * import { assertEquals } from "@std/assert";
 *
 * const examples = await readExamples("examples/tickets/base-model/valid.jsonl");
 * assertEquals(examples.length, 100);
 * assertEquals(examples[0]?.kind, "completion");
 * ```
 *
 * @param path The `jsonl` file.
 * @returns The examples, at least one.
 * @throws {FileFormatError} If the file is missing, has no example, mixes
 *   kinds, or has a line that is none; the message names file and line.
 */
export async function readExamples(path: string): Promise<Example[]> {
  const lines = (await readText(path)).split("\n");
  const examples: Example[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const number = index + 1;
    const value = parseJsonObject(line, path, { subject: `line ${number}` });
    const example = exampleOf(value, path, number);
    const kind = examples[0]?.kind ?? example.kind;
    if (example.kind !== kind) {
      throw new FileFormatError(
        path,
        `line ${number} has ${KINDS[example.kind]} where the first has ${
          KINDS[kind]
        }: all lines must be of one kind`,
      );
    }
    examples.push(example);
  }
  if (examples.length === 0) {
    throw new FileFormatError(path, "it has no examples");
  }
  return examples;
}

function exampleOf(value: JsonObject, path: string, line: number): Example {
  const text = (name: string): string => {
    const found = value[name];
    if (typeof found === "string") return found;
    throw new FileFormatError(path, `line ${line}: "${name}" is not a text`);
  };
  if ("prompt" in value || "completion" in value) {
    return {
      kind: "completion",
      prompt: text("prompt"),
      completion: text("completion"),
    };
  }
  if ("messages" in value) {
    const { messages, tools } = value;
    if (tools !== undefined && !Array.isArray(tools)) {
      throw new FileFormatError(path, `line ${line}: "tools" is not a list`);
    }
    return { kind: "chat", messages: turns(messages, path, line), tools };
  }
  if ("text" in value) return { kind: "text", text: text("text") };
  throw new FileFormatError(
    path,
    `line ${line} has none of ${Object.values(KINDS).join(", ")}`,
  );
}

function turns(messages: unknown, path: string, line: number): ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new FileFormatError(
      path,
      `line ${line}: "messages" is not a list of at least one turn`,
    );
  }
  return messages.map((turn: unknown) => {
    if (isJsonObject(turn) && typeof turn["role"] === "string") {
      const { role, content = null, tool_calls: calls } = turn;
      // A turn that calls tools need not say anything.
      const callsTools = Array.isArray(calls) && calls.length > 0;
      if (typeof content === "string" || (content === null && callsTools)) {
        return { ...turn, role, content };
      }
    }
    throw new FileFormatError(
      path,
      `line ${line}: a turn of "messages" lacks a "role" or a "content" that is a text`,
    );
  });
}
