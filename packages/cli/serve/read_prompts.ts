import type { ChatMessage } from "@wick/models";
import type { TaskPrompt } from "./engine.ts";
import { type RequestFields, wrongField } from "./request_fields.ts";

/** Prompts, or texts to embed, of one request at most. */
const MOST_PROMPTS = 64;

/** Messages of one conversation at most. */
const MOST_MESSAGES = 1024;

/**
 * Reads the prompts of a request for completions: a text, its tokens, or a list
 * of either.
 *
 * @param fields The body.
 * @returns The prompts.
 * @throws {ApiError} If the field is wrong.
 */
export function readPrompts(fields: RequestFields): TaskPrompt[] {
  const value = fields.get("prompt");
  const wrong = wrongField(
    "prompt",
    `a text, a list of tokens, or a list of at most ${MOST_PROMPTS} of these`,
  );
  const one = (prompt: unknown): TaskPrompt => {
    if (typeof prompt === "string") return { kind: "text", text: prompt };
    if (isTokens(prompt)) return { kind: "tokens", ids: prompt };
    throw wrong;
  };
  if (typeof value === "string" || isTokens(value)) return [one(value)];
  if (
    !Array.isArray(value) || value.length === 0 || value.length > MOST_PROMPTS
  ) throw wrong;
  return value.map(one);
}

/**
 * Reads a conversation.
 *
 * @param fields The body.
 * @returns The prompt.
 * @throws {ApiError} If a field is wrong.
 */
export function readConversation(fields: RequestFields): TaskPrompt {
  const value = fields.get("messages");
  if (
    !Array.isArray(value) || value.length === 0 || value.length > MOST_MESSAGES
  ) {
    throw wrongField(
      "messages",
      `a list of 1 to ${MOST_MESSAGES} messages`,
    );
  }
  const tools = fields.get("tools");
  if (tools !== undefined && !Array.isArray(tools)) {
    throw wrongField("tools", "a list of tools");
  }
  const used = fields.get("tool_choice") === "none" ? undefined : tools;
  return { kind: "chat", messages: value.map(readMessage), tools: used };
}

/**
 * Reads the texts of a request for embeddings.
 *
 * @param fields The body.
 * @returns The texts.
 * @throws {ApiError} If the field is wrong.
 */
export function readEmbeddingInputs(fields: RequestFields): string[] {
  const texts = fields.texts("input", MOST_PROMPTS);
  if (texts.length === 0) {
    throw wrongField("input", "a text or a list of texts");
  }
  return texts;
}

function readMessage(value: unknown, index: number): ChatMessage {
  const name = `messages[${index}]`;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrongField(name, "an object with role and content");
  }
  const { role, content, ...rest }: Record<string, unknown> = { ...value };
  if (typeof role !== "string" || role === "") {
    throw wrongField(`${name}.role`, "a text");
  }
  return { ...rest, role, content: readContent(content, name) };
}

/** The text of a message, which may come in parts. */
function readContent(content: unknown, name: string): string {
  // A message of the assistant that only calls tools has none.
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) {
    throw wrongField(`${name}.content`, "a text or a list of parts");
  }
  return content.map((part: unknown) => {
    if (
      typeof part === "object" && part !== null && "type" in part &&
      part.type === "text" && "text" in part && typeof part.text === "string"
    ) return part.text;
    throw wrongField(`${name}.content`, 'of parts {"type": "text", "text": …}');
  }).join("");
}

function isTokens(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 &&
    value.every((id) => Number.isInteger(id) && id >= 0);
}
