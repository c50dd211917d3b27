/** One message of a conversation. */
export interface ChatMessage {
  /** Who speaks: `system`, `user`, `assistant`, or what the template knows. */
  readonly role: string;
  /** What is said; null where a message only calls tools. */
  readonly content: string | null;
  /** Anything else that the template may look at, such as `tool_calls`. */
  readonly [key: string]: unknown;
}

/** What a chat template is given beside the messages. */
export interface ChatTemplateOptions {
  /** End with the opening of the assistant's turn; `false` if absent. */
  readonly addGenerationPrompt?: boolean;
  /** Descriptions of tools that the model may call, as JSON schemas. */
  readonly tools?: readonly unknown[];
  /** What else the template may look at, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}
