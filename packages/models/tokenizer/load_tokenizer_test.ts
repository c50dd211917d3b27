import { assertEquals, assertThrows } from "@std/assert";
import { failure } from "../files/failure.ts";
import { FileFormatError } from "../files/file_format_error.ts";
import { isJsonObject, readJsonObject } from "../files/read_json.ts";
import {
  type TemporaryFolder,
  temporaryFolder,
} from "../files/temporary_folder.ts";
import type { ChatMessage } from "./chat.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const GOLDEN = `${ROOT}testdata/conformance/tokenizers`;
const TICKETS = `${ROOT}examples/tickets/base-model`;

interface TextCase {
  readonly text: string;
  readonly ids: number[];
  readonly decoded: string;
}

interface ChatCase {
  readonly messages: ChatMessage[];
  readonly tools?: unknown[];
  readonly rendered: string;
  readonly "rendered_for_generation": string;
}

async function cases(
  folder: string,
): Promise<{ texts: TextCase[]; chats: ChatCase[] }> {
  return JSON.parse(await Deno.readTextFile(`${folder}/cases.json`));
}

/** The folders of tokenizers, in both golden folders. */
const FOLDERS = [GOLDEN, GOLDEN.replace("conformance", "variants")]
  .flatMap((folder) =>
    [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`)
  );

function hasTemplate(folder: string): boolean {
  return [...Deno.readDirSync(folder)]
    .some(({ name }) => name === "chat_template.jinja");
}

for (const folder of FOLDERS) {
  const name = folder.split("/").at(-1);
  Deno.test(`the tokenizer ${name} gives the golden ids and texts`, async () => {
    const tokenizer = await loadTokenizer(folder);
    const { texts } = await cases(folder);
    assertEquals(texts.length > 0, true);
    for (const { text, ids, decoded } of texts) {
      assertEquals(tokenizer.encode(text, { addSpecialTokens: false }), ids);
      assertEquals(tokenizer.decode(ids), decoded);
      const stream = tokenizer.streamDecoder();
      const pieces = ids.map((id) => stream.push(id));
      assertEquals(pieces.join("") + stream.flush(), decoded);
    }
  });
}

for (const folder of FOLDERS.filter(hasTemplate)) {
  const name = folder.split("/").at(-1);
  Deno.test(`the chat template of ${name} gives the golden texts`, async () => {
    const tokenizer = await loadTokenizer(folder);
    const { chats } = await cases(folder);
    assertEquals(chats.length > 0, true);
    for (const chat of chats) {
      const { messages, tools } = chat;
      const given = tools ? { tools } : {};
      assertEquals(
        tokenizer.applyChatTemplate(messages, given),
        chat.rendered,
      );
      assertEquals(
        tokenizer.applyChatTemplate(messages, {
          ...given,
          addGenerationPrompt: true,
        }),
        chat.rendered_for_generation,
      );
    }
  });
}

Deno.test("loadTokenizer() finds the special tokens and the size", async () => {
  const tokenizer = await loadTokenizer(TICKETS);
  assertEquals(
    [tokenizer.padTokenId, tokenizer.bosTokenId, tokenizer.eosTokenId],
    [0, 1, 2],
  );
  assertEquals(tokenizer.vocabularySize, 950);
  assertEquals(typeof tokenizer.idToToken(949), "string");
  assertEquals(tokenizer.idToToken(950), undefined);
  assertEquals(tokenizer.tokenToId("<s>"), 1);
  assertEquals(tokenizer.hasChatTemplate, false);
});

Deno.test("the tickets tokenizer brings every example back", async () => {
  const tokenizer = await loadTokenizer(TICKETS);
  const lines = (await Deno.readTextFile(`${TICKETS}/valid.jsonl`)).trim();
  for (const line of lines.split("\n")) {
    const { prompt, completion } = JSON.parse(line);
    const text = `${prompt}${completion}`;
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  }
});

Deno.test("decode() leaves out special tokens when asked, and ids of no token", async () => {
  const tokenizer = await loadTokenizer(TICKETS);
  const ids = [1, ...tokenizer.encode("a b"), 2];
  assertEquals(tokenizer.decode(ids), "<s>a b</s>");
  assertEquals(tokenizer.decode(ids, { skipSpecialTokens: true }), "a b");
  assertEquals(tokenizer.decode([...ids, 5000, -1]), "<s>a b</s>");
  assertEquals(tokenizer.decode([]), "");
});

Deno.test("decode() keeps the spaces before punctuation", async () => {
  const tokenizer = await loadTokenizer(TICKETS);
  const text = 'It is n\'t {"a" : 1 , "b" ! ? } .';
  assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
});

/** Copies a golden tokenizer, with other values in one of its files. */
async function copyWith(
  folder: TemporaryFolder,
  file: string,
  changes: Record<string, unknown>,
): Promise<string> {
  const source = `${GOLDEN}/headers`;
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    const json = await readJsonObject(`${source}/${name}`);
    await Deno.writeTextFile(
      folder.file(name),
      JSON.stringify(name === file ? { ...json, ...changes } : json),
    );
  }
  return folder.path;
}

Deno.test("encode() adds what the post-processor says, unless told not to", async () => {
  using folder = temporaryFolder();
  const special = {
    id: "<|begin_of_text|>",
    ids: [0],
    tokens: ["<|begin_of_text|>"],
  };
  const single = [
    { SpecialToken: { id: special.id, type_id: 0 } },
    { Sequence: { id: "A", type_id: 0 } },
  ];
  const tokenizer = await loadTokenizer(
    await copyWith(folder, "tokenizer.json", {
      post_processor: {
        type: "TemplateProcessing",
        single,
        pair: single,
        special_tokens: { [special.id]: special },
      },
    }),
  );
  const ids = tokenizer.encode("The river", { addSpecialTokens: false });
  assertEquals(tokenizer.encode("The river"), [0, ...ids]);
});

Deno.test("loadTokenizer() reads special tokens and templates in their older forms", async () => {
  using folder = temporaryFolder();
  const path = await copyWith(folder, "tokenizer_config.json", {
    eos_token: { __type: "AddedToken", content: "<|eot_id|>", special: true },
    pad_token: null,
    chat_template: [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "{{ messages[0].content }}{{ eos_token }}" },
    ],
  });
  const tokenizer = await loadTokenizer(path);
  assertEquals([tokenizer.eosTokenId, tokenizer.padTokenId], [4, null]);
  assertEquals(
    tokenizer.applyChatTemplate([{ role: "user", content: "Hm" }]),
    "Hm<|eot_id|>",
  );
  assertEquals(
    tokenizer.applyChatTemplate([{ role: "user", content: "Hm" }], {
      tools: [{ name: "clock" }],
    }),
    "tools",
  );
});

Deno.test("loadTokenizer() takes a chat template from another file", async () => {
  using folder = temporaryFolder();
  const chatTemplate = folder.file("other.jinja");
  await Deno.writeTextFile(
    chatTemplate,
    "{{ mood }}{{ messages[0].content }}{{ eos_token }}",
  );
  const tokenizer = await loadTokenizer(TICKETS, { chatTemplate });
  assertEquals(
    tokenizer.applyChatTemplate([{ role: "user", content: "Hm" }], {
      variables: { mood: "calm: " },
    }),
    "calm: Hm</s>",
  );
  const missing = folder.file("none.jinja");
  assertEquals(
    await failure(loadTokenizer(TICKETS, { chatTemplate: missing })),
    `Cannot read ${missing}: there is no such file or folder`,
  );
});

Deno.test("applyChatTemplate() hands tools to the template", async () => {
  using folder = temporaryFolder();
  const path = await copyWith(folder, "tokenizer_config.json", {
    chat_template:
      "{% if tools %}{{ tools | tojson }}{% else %}none{% endif %}",
  });
  const tokenizer = await loadTokenizer(path);
  const tools = [{ name: "clock" }];
  assertEquals(
    tokenizer.applyChatTemplate([], { tools }),
    '[{"name": "clock"}]',
  );
  assertEquals(tokenizer.applyChatTemplate([]), "none");
});

Deno.test("applyChatTemplate() says which template fails and why", async () => {
  using folder = temporaryFolder();
  const path = await copyWith(folder, "tokenizer_config.json", {
    chat_template: "{{ raise_exception('Roles must alternate') }}",
  });
  const config = folder.file("tokenizer_config.json");
  const refusing = await loadTokenizer(path);
  assertThrows(
    () => refusing.applyChatTemplate([]),
    RangeError,
    `Cannot render the chat with the template of ${config}: Roles must alternate`,
  );
  await Deno.writeTextFile(folder.file("chat_template.jinja"), "{% if %}");
  const broken = await loadTokenizer(path);
  assertThrows(
    () => broken.applyChatTemplate([]),
    FileFormatError,
    `Cannot read ${folder.file("chat_template.jinja")}: its chat template is`,
  );
  const without = await loadTokenizer(TICKETS);
  assertThrows(
    () => without.applyChatTemplate([]),
    FileFormatError,
    `Cannot read ${TICKETS}: it has no chat template`,
  );
});

Deno.test("loadTokenizer() does without tokenizer_config.json", async () => {
  using folder = temporaryFolder();
  const path = await copyWith(folder, "tokenizer.json", {});
  await Deno.remove(folder.file("tokenizer_config.json"));
  const tokenizer = await loadTokenizer(path);
  assertEquals(tokenizer.decode(tokenizer.encode("The river")), "The river");
  assertEquals(tokenizer.bosTokenId, null);
});

Deno.test("loadTokenizer() names the file that is missing or broken", async () => {
  using folder = temporaryFolder();
  const path = folder.file("tokenizer.json");
  assertEquals(
    await failure(loadTokenizer(folder.path)),
    `Cannot read ${path}: there is no such file or folder`,
  );
  const problem = async (changes: Record<string, unknown>): Promise<string> => {
    await copyWith(folder, "tokenizer.json", changes);
    const message = await failure(loadTokenizer(folder.path));
    return message.replace(`Cannot read ${path}: `, "");
  };
  assertEquals(
    await problem({ model: undefined }),
    "it has no model with a vocab",
  );
  assertEquals(
    await problem({ model: { type: "BPE", vocab: { a: -1 }, merges: [] } }),
    'its token "a" has the id -1: it must be a whole number from 0 to 16777216',
  );
  assertEquals(
    await problem({ added_tokens: [{ id: 1e9, content: "<x>" }] }),
    'its token "<x>" has the id 1000000000: it must be a whole number from 0 ' +
      "to 16777216",
  );
  assertEquals(
    await problem({ added_tokens: [7] }),
    "its added_tokens are not a list",
  );
  assertEquals(
    await problem({ decoder: { type: "Unheard" } }),
    "it is not a tokenizer we know (Unknown Decoder type: Unheard)",
  );
  assertEquals(
    (await problem({ model: { type: "BPE", vocab: { a: 0 } } }))
      .startsWith("it is not a tokenizer we know ("),
    true,
  );
});

Deno.test("loadTokenizer() refuses a chat template of another kind", async () => {
  using folder = temporaryFolder();
  const path = await copyWith(folder, "tokenizer_config.json", {
    chat_template: [{ name: "other", template: "" }],
  });
  const config = folder.file("tokenizer_config.json");
  assertEquals(isJsonObject(await readJsonObject(config)), true);
  assertEquals(
    await failure(loadTokenizer(path)),
    `Cannot read ${config}: its chat_template is neither a text nor a list ` +
      'with a "default"',
  );
});
