import { Tokenizer as Implementation } from "@huggingface/tokenizers";
import { FileFormatError } from "../files/file_format_error.ts";
import { joinPath } from "../files/join_path.ts";
import {
  isJsonObject,
  type JsonObject,
  quoted,
  readJsonObject,
  readJsonObjectIfPresent,
} from "../files/read_json.ts";
import { readText, readTextIfPresent } from "../files/read_text.ts";
import { ChatTemplate } from "./chat_template.ts";
import {
  type ChatTemplates,
  HuggingFaceTokenizer,
} from "./hugging_face_tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Options of {@linkcode loadTokenizer}. */
export interface LoadTokenizerOptions {
  /** A file with the chat template; that of the folder, if any, if absent. */
  readonly chatTemplate?: string;
}

/** Ids beyond this are no vocabulary's. */
const MAXIMUM_ID = 2 ** 24;

/**
 * Loads the tokenizer of a model folder: `tokenizer.json`, and, where they are
 * there, `tokenizer_config.json` and `chat_template.jinja`.
 *
 * @example Usage
 * ```ts
 * import { loadTokenizer } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = await loadTokenizer("examples/tickets/base-model");
 * const ids = tokenizer.encode("Request: pay the painter");
 * assertEquals(tokenizer.decode(ids), "Request: pay the painter");
 * assertEquals(tokenizer.idToToken(tokenizer.eosTokenId ?? -1), "</s>");
 * ```
 *
 * @param folder The model's folder.
 * @param options Another chat template.
 * @returns The tokenizer.
 * @throws {FileFormatError} If `tokenizer.json` is missing, or a file is not
 * what it should be.
 */
export async function loadTokenizer(
  folder: string,
  options: LoadTokenizerOptions = {},
): Promise<Tokenizer> {
  const path = joinPath(folder, "tokenizer.json");
  const configPath = joinPath(folder, "tokenizer_config.json");
  const json = await readJsonObject(path);
  const config = await readJsonObjectIfPresent(configPath) ?? {};
  const vocabularySize = countVocabulary(json, path);
  const templates = options.chatTemplate === undefined
    ? await readChatTemplates(folder, config, configPath)
    : {
      plain: new ChatTemplate(
        options.chatTemplate,
        await readText(options.chatTemplate),
      ),
    };
  let implementation: Implementation;
  try {
    implementation = new Implementation(withDefaults(json), config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileFormatError(
      path,
      `it is not a tokenizer we know (${reason})`,
      {
        cause,
      },
    );
  }
  return new HuggingFaceTokenizer({
    folder,
    implementation,
    vocabularySize,
    // Transformers changed its default from true to false: true damages JSON.
    cleanUpSpaces: config["clean_up_tokenization_spaces"] === true,
    specialTokens: readSpecialTokens(config),
    templates,
  });
}

/** The sections that a file may leave out and the implementation insists on. */
function withDefaults(json: JsonObject): JsonObject {
  return {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
    ...json,
  };
}

/** Checks all token ids and gives one more than the largest. */
function countVocabulary(json: JsonObject, path: string): number {
  const model = json["model"];
  const vocabulary = isJsonObject(model) ? model["vocab"] : undefined;
  if (typeof vocabulary !== "object" || vocabulary === null) {
    throw new FileFormatError(path, "it has no model with a vocab");
  }
  let size = Array.isArray(vocabulary) ? vocabulary.length : 0;
  const count = (token: unknown, id: unknown): void => {
    if (
      typeof id !== "number" || !Number.isInteger(id) || id < 0 ||
      id > MAXIMUM_ID || typeof token !== "string"
    ) {
      throw new FileFormatError(
        path,
        `its token ${quoted(String(token))} has the id ${id}: it must be a ` +
          `whole number from 0 to ${MAXIMUM_ID}`,
      );
    }
    size = Math.max(size, id + 1);
  };
  if (!Array.isArray(vocabulary)) {
    for (const [token, id] of Object.entries(vocabulary)) count(token, id);
  }
  const added = json["added_tokens"] ?? [];
  for (const token of Array.isArray(added) ? added : [added]) {
    if (!isJsonObject(token)) {
      throw new FileFormatError(path, "its added_tokens are not a list");
    }
    count(token["content"], token["id"]);
  }
  return size;
}

/** The special tokens, each a text or an object that holds one. */
function readSpecialTokens(config: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith("_token")) continue;
    const content = isJsonObject(value) ? value["content"] : value;
    if (typeof content === "string") tokens[name] = content;
  }
  return tokens;
}

async function readChatTemplates(
  folder: string,
  config: JsonObject,
  configPath: string,
): Promise<ChatTemplates> {
  const path = joinPath(folder, "chat_template.jinja");
  const source = await readTextIfPresent(path);
  if (source !== undefined) return { plain: new ChatTemplate(path, source) };
  const inConfig = config["chat_template"] ?? undefined;
  if (inConfig === undefined) return {};
  const entries: unknown[] = Array.isArray(inConfig) ? inConfig : [];
  const named = (wanted: string): unknown =>
    entries.filter(isJsonObject)
      .find(({ name }) => name === wanted)?.["template"];
  const plain = named("default") ?? inConfig;
  if (typeof plain !== "string") {
    throw new FileFormatError(
      configPath,
      'its chat_template is neither a text nor a list with a "default"',
    );
  }
  const tools = named("tool_use");
  return {
    plain: new ChatTemplate(configPath, plain),
    ...(typeof tools === "string" && {
      tools: new ChatTemplate(configPath, tools),
    }),
  };
}
