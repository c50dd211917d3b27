import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const FOLDER = import.meta.dirname!;

/** What each example must print, in this order. */
const PRINTS: Readonly<Record<string, readonly string[]>> = {
  "01_lazy_tensors.ts": [
    "recorded 2 x 2, known: false",
    "5 dispatches before fusion, 2 after",
    'shares [ "0.0408", "0.9592", "0.8318", "0.1682" ]',
    "squares of 4,5,6: 16,25,36",
  ],
  "02_gradients.ts": [
    "step 0: loss 33",
    "y = 2.000·x + 1.000",
    "at 1, 2, 3: [ 6, 12, 18 ]",
  ],
  "03_lora_layer.ts": [
    "step 0: 1.06e-1",
    "64 numbers learned, 256 left alone",
    "2 after",
  ],
  "04_fine_tune.ts": [
    "10/10",
    "validation loss 1.189 before, 0.",
    "Request: please pay the baker",
    "74752 numbers in ",
  ],
  "05_several_adapters.ts": ["narrow", "null", "wide", "wide active: "],
  "06_embeddings_search.ts": [
    "4 vectors of 48 numbers",
    "what does the green stone cost",
    "Order 12: a green stone costs 3.50 euros",
    "river bridge",
  ],
  "07_streaming_chat.ts": [
    "user: call the painter on monday at 9am\nassistant:",
    "the least likely token: -",
    "4 messages",
  ],
  "08_train_together.ts": [
    "20: high 0.",
    "high answers high",
    "low answers low",
  ],
};

const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  "04_fine_tune.ts": ["10"],
};

Deno.test("the examples are numbered, short, and all tested", () => {
  const names = [...Deno.readDirSync(FOLDER)]
    .filter(({ isFile, name }) => isFile && !name.endsWith("_test.ts"))
    .map(({ name }) => name).sort();
  assertEquals(names, Object.keys(PRINTS));
  for (const name of names) {
    const text = Deno.readTextFileSync(`${FOLDER}/${name}`);
    assertMatch(text, new RegExp(`deno run -A examples/${name}`));
    assertEquals(text.trimEnd().split("\n").length <= 60, true, name);
  }
});

for (const [name, prints] of Object.entries(PRINTS)) {
  Deno.test(`examples/${name} runs`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `${FOLDER}/${name}`, ...ARGUMENTS[name] ?? []],
      env: {
        "WICK_DEVICE": "cpu",
        "WICK_BLAS": "off",
        "NO_COLOR": "1",
      },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    let rest = new TextDecoder().decode(stdout);
    for (const text of prints) {
      assertStringIncludes(rest, text);
      rest = rest.slice(rest.indexOf(text) + text.length);
    }
  });
}
