import {
  type ChatMessage,
  Fields,
  isJsonObject,
  joinPath,
  type JsonObject,
  loadTokenizer,
  readJsonObject,
  type Tokenizer,
} from "@wick/models";
import type { ConformanceCase } from "./case_result.ts";
import type { Difference } from "./difference.ts";
import { subfolders } from "./subfolders.ts";

/**
 * Lists the tokenizers: ids of texts, texts of ids, rendered chats.
 *
 * @param folder The golden folder.
 * @returns The cases, by name.
 */
export async function tokenizerCases(
  folder: string,
): Promise<ConformanceCase[]> {
  const path = joinPath(folder, "tokenizers");
  return (await subfolders(path)).map((name): ConformanceCase => ({
    kind: "tokenizers",
    name,
    run: () => runTokenizer(joinPath(path, name)),
  }));
}

async function runTokenizer(folder: string): Promise<Difference[]> {
  const path = joinPath(folder, "cases.json");
  const cases: Fields = new Fields(path, await readJsonObject(path));
  const tokenizer = await loadTokenizer(folder);
  const list = (name: string): JsonObject[] => {
    const value = cases.get(name) ?? [];
    return Array.isArray(value) && value.every(isJsonObject)
      ? value
      : cases.fail(name, "a list of objects");
  };
  return [
    ...list("texts").flatMap((text, i) => [
      equal(
        `ids of text ${i}`,
        tokenizer.encode(String(text["text"]), { addSpecialTokens: false }),
        text["ids"],
      ),
      equal(
        `decoded text ${i}`,
        Array.isArray(text["ids"]) ? tokenizer.decode(text["ids"]) : undefined,
        text["decoded"],
      ),
    ]),
    ...list("chats").flatMap((chat, i) => renderings(tokenizer, chat, i)),
  ];
}

/** Compares a chat with and without the opening of the answer. */
function renderings(
  tokenizer: Tokenizer,
  chat: JsonObject,
  index: number,
): Difference[] {
  const messages: ChatMessage[] = Array.isArray(chat["messages"])
    ? chat["messages"]
    : [];
  const tools = Array.isArray(chat["tools"]) ? { tools: chat["tools"] } : {};
  return (["rendered", "rendered_for_generation"] as const).map((name) =>
    equal(
      `${name} of chat ${index}`,
      tokenizer.applyChatTemplate(messages, {
        ...tools,
        addGenerationPrompt: name === "rendered_for_generation",
      }),
      chat[name],
    )
  );
}

/** Compares what JSON can say; nothing of it may differ. */
function equal(name: string, got: unknown, want: unknown): Difference {
  const [found, wanted] = [JSON.stringify(got), JSON.stringify(want)];
  const same = found === wanted;
  return {
    absolute: same ? 0 : Infinity,
    relative: same ? 0 : Infinity,
    problem: same
      ? undefined
      : `${name}: got ${short(found)}, want ${short(wanted)}`,
  };
}

function short(text: string | undefined): string {
  return text === undefined ? "nothing" : text.slice(0, 120);
}
