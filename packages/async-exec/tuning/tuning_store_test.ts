import { assert, assertEquals, assertMatch } from "@std/assert";
import { type TunedChoice, TuningStore } from "./tuning_store.ts";

const CHOICE: TunedChoice = {
  choice: "split 1x4 split 16",
  microseconds: 4.5,
  defaultMicroseconds: 6,
};
const KEY = "matmul f32 f32 64x64x64";

/** A path in a folder of its own that does not exist yet. */
async function freshFile(): Promise<string> {
  return `${await Deno.makeTempDir()}/cache/wick/tuning.json`;
}

function open(
  file: string | undefined,
  device = "a GPU",
): { store: TuningStore; lines: string[] } {
  const lines: string[] = [];
  const warn = (line: string): void => void lines.push(line);
  return { store: new TuningStore(device, { file, warn }), lines };
}

Deno.test("TuningStore keeps choices for the next process", async () => {
  const file = await freshFile();
  const { store, lines } = open(file);
  assertEquals([...store.choices], []);
  store.set(KEY, CHOICE);
  assertEquals([...store.choices], [[KEY, CHOICE.choice]]);
  const { store: next } = open(file);
  assertEquals([...next.choices], [[KEY, CHOICE.choice]]);
  assertEquals([...next.entries], [[KEY, CHOICE]]);
  assertEquals(lines, []);
  // Nothing is left beside it.
  const folder = file.slice(0, file.lastIndexOf("/"));
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), [
    "tuning.json",
  ]);
});

Deno.test("TuningStore keeps devices apart", async () => {
  const file = await freshFile();
  const [{ store: one }, { store: two }] = [open(file), open(file, "another")];
  one.set(KEY, CHOICE);
  two.set(KEY, { ...CHOICE, choice: "direct 1x1 on 1x8" });
  assertEquals(open(file).store.choices.get(KEY), CHOICE.choice);
  assertEquals(
    open(file, "another").store.choices.get(KEY),
    "direct 1x1 on 1x8",
  );
  two.clear();
  assertEquals(open(file).store.choices.size, 1);
  assertEquals(open(file, "another").store.choices.size, 0);
});

Deno.test("TuningStore keeps what another process put in meanwhile", async () => {
  const file = await freshFile();
  const [{ store: one }, { store: two }] = [open(file), open(file)];
  one.set("one", CHOICE);
  two.set("two", CHOICE);
  one.set("three", CHOICE);
  assertEquals([...open(file).store.choices.keys()].sort(), [
    "one",
    "three",
    "two",
  ]);
});

const GOOD = { format: "wick-tuning", version: 1 };

for (
  const [what, text] of Object.entries({
    "is cut": '{"format": "wick-tuning", "vers',
    "is empty": "",
    "is of something else": '{"name": "my-project"}',
    "is a list": "[1, 2]",
    "is of a later version": JSON.stringify({ ...GOOD, version: 2 }),
    "has no devices": JSON.stringify(GOOD),
    "has a device without choices": JSON.stringify({
      ...GOOD,
      devices: { "a GPU": 3 },
    }),
    "has a choice without a name": JSON.stringify({
      ...GOOD,
      devices: { "a GPU": { [KEY]: { ...CHOICE, choice: 7 } } },
    }),
  })
) {
  Deno.test(`TuningStore ignores a file that ${what}, and leaves it alone`, async () => {
    const file = `${await Deno.makeTempDir()}/tuning.json`;
    await Deno.writeTextFile(file, text);
    const { store, lines } = open(file);
    assertEquals(lines.length, 1);
    assertMatch(lines[0]!, /^ignored .*tuning\.json: .+; delete it/);
    assertEquals(store.choices.size, 0);
    store.set(KEY, CHOICE);
    assertEquals(store.choices.get(KEY), CHOICE.choice);
    assertEquals(await Deno.readTextFile(file), text);
    assertEquals(lines.length, 1);
  });
}

for (const denied of ["read", "write"] as const) {
  Deno.test({
    name: `TuningStore that cannot ${denied} says so once and goes on`,
    permissions: { read: true, write: true, [denied]: false },
    fn() {
      const { store, lines } = open("/nowhere/wick/tuning.json");
      store.set(KEY, CHOICE);
      store.set("another", CHOICE);
      assertEquals([...store.choices.keys()], [KEY, "another"]);
      assertEquals(store.file, undefined);
      assertEquals(lines.length, 1);
      const what = { read: /^ignored /, write: /^could not keep measured/ };
      assertMatch(lines[0]!, what[denied]);
    },
  });
}

Deno.test("TuningStore without a file keeps choices in memory", () => {
  const { store, lines } = open(undefined);
  store.set(KEY, CHOICE);
  assertEquals(store.choices.size, 1);
  assert(store.file === undefined);
  assertEquals(lines, []);
});
