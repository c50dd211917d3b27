import type { ChatMessage } from "@wick/models";

/**
 * Leaves out the oldest messages of a conversation until the rest fits. A
 * message of the system at the beginning stays, and the last message always
 * does; what is left begins with a user.
 *
 * @example Usage
 * ```ts ignore
 * const kept = fittingMessages(messages, (some) => some.length <= 3);
 * ```
 *
 * @param messages The conversation.
 * @param fits Tells whether messages fit.
 * @returns The messages that are left.
 */
export function fittingMessages(
  messages: readonly ChatMessage[],
  fits: (messages: readonly ChatMessage[]) => boolean,
): readonly ChatMessage[] {
  const systems = messages[0]?.role === "system" ? 1 : 0;
  const head = messages.slice(0, systems);
  let rest = messages.slice(systems);
  while (rest.length > 1 && !fits([...head, ...rest])) {
    const next = rest.findIndex(({ role }, i) => i > 0 && role === "user");
    rest = rest.slice(next < 0 ? rest.length - 1 : next);
  }
  return [...head, ...rest];
}
