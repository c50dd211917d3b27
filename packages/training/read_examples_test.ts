import { assertEquals, assertRejects } from "@std/assert";
import { FileFormatError } from "@wick/models";
import { readExamples } from "./mod.ts";

async function withText(text: string, use: (path: string) => Promise<void>) {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("readExamples() reads each kind, blank lines aside", async () => {
  await withText('{"text": "a"}\n\n{"text": "b"}\n', async (path) => {
    assertEquals(await readExamples(path), [
      { kind: "text", text: "a" },
      { kind: "text", text: "b" },
    ]);
  });
  const chat = '{"messages": [{"role": "user", "content": "hi"}]}';
  await withText(chat, async (path) => {
    assertEquals((await readExamples(path))[0]?.kind, "chat");
  });
});

const FAULTS: readonly (readonly [string, string])[] = [
  ["", "it has no examples"],
  ["\n \n", "it has no examples"],
  ['{"text": "a"}\n{"prompt": "a", "completion": "b"}', "line 2 has"],
  ['{"text": "a"}\n{"text"', "line 2 is not JSON"],
  ['{"prompt": "a"}', 'line 1: "completion" is not a text'],
  ['{"other": 1}', "line 1 has none of"],
  ['{"messages": []}', 'line 1: "messages" is not a list'],
  ['{"messages": [{"role": "user"}]}', "line 1: a turn"],
];

for (const [text, problem] of FAULTS) {
  Deno.test(`readExamples() refuses ${JSON.stringify(text)}`, async () => {
    await withText(text, async (path) => {
      const error = await assertRejects(
        () => readExamples(path),
        FileFormatError,
        problem,
      );
      assertEquals(error.message.startsWith(`Cannot read ${path}: `), true);
    });
  });
}
