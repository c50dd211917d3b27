import { Fields } from "../config/fields.ts";
import { joinPath } from "../files/join_path.ts";
import {
  isJsonObject,
  type JsonObject,
  readJsonObjectIfPresent,
} from "../files/read_json.ts";
import type { Pooling } from "./pooling.ts";

/** How a folder of sentence-transformers wants texts to be embedded. */
export interface EmbeddingSettings {
  /** How the vectors of the tokens become one; `"mean"` if not said. */
  readonly pooling: Pooling;
  /** The longest text in tokens, or null if not said. */
  readonly maxLength: number | null;
  /** What stands before a text that searches; empty if not said. */
  readonly queryPrefix: string;
  /** What stands before a text that is found; empty if not said. */
  readonly passagePrefix: string;
}

/**
 * Reads the files that sentence-transformers puts beside a model, all of which
 * may be absent: `1_Pooling/config.json`, `sentence_bert_config.json`,
 * `config_sentence_transformers.json`.
 *
 * @param folder The model's folder.
 * @returns What they say.
 * @throws {FileFormatError} If one is not valid, or wants a pooling that is
 *   neither mean nor cls.
 */
export async function readEmbeddingSettings(
  folder: string,
): Promise<EmbeddingSettings> {
  const read = async (name: string): Promise<Fields> => {
    const path = joinPath(folder, name);
    return new Fields(path, await readJsonObjectIfPresent(path) ?? {});
  };
  const pooling = await read("1_Pooling/config.json");
  const lengths = await read("sentence_bert_config.json");
  const prompts = promptsOf(await read("config_sentence_transformers.json"));
  const text = (...names: string[]): string => {
    const found = names.map((name) => prompts[name])
      .find((prompt) => typeof prompt === "string");
    return typeof found === "string" ? found : "";
  };
  const longest = lengths.integer("max_seq_length", {
    minimum: 0,
    fallback: 0,
  });
  return {
    pooling: readPooling(pooling),
    maxLength: longest === 0 ? null : longest,
    queryPrefix: text("query"),
    passagePrefix: text("passage", "document"),
  };
}

function readPooling(fields: Fields): Pooling {
  const asked = Object.keys(fields.values)
    .filter((name) => name.startsWith("pooling_mode_"))
    .filter((name) => fields.boolean(name, false));
  if (asked.length === 0) return "mean";
  switch (asked.join()) {
    case "pooling_mode_mean_tokens":
      return "mean";
    case "pooling_mode_cls_token":
      return "cls";
  }
  return fields.fail(
    asked[0]!,
    "false: only pooling_mode_mean_tokens or pooling_mode_cls_token is known",
  );
}

function promptsOf(fields: Fields): JsonObject {
  const prompts = fields.get("prompts") ?? {};
  return isJsonObject(prompts) ? prompts : fields.fail("prompts", "an object");
}
