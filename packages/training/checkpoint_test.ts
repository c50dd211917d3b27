import { FileFormatError } from "@wick/models";
import { random } from "@wick/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import {
  CheckpointStore,
  readCheckpoint,
  type TrainingState,
  writeCheckpoint,
} from "./mod.ts";

function state(step: number): TrainingState {
  const part = (size: number, seed: number) =>
    Float32Array.from(random([size], seed).values);
  return {
    step,
    best: { step: 2, loss: 1.25 },
    validationsSinceBest: 1,
    parameters: new Map(
      [["layers.0.lora_A.weight", 12], ["layers.0.lora_B.weight", 7]].map(
        ([name, size], i) => [String(name), {
          value: part(Number(size), 10 * i + step),
          mean: part(Number(size), 10 * i + step + 1),
          variance: part(Number(size), 10 * i + step + 2),
        }],
      ),
    ),
  };
}

Deno.test("a checkpoint is read as it was written", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/a`;
  const settings = { options: { rank: "8" }, list: [1, 2.5, null] };
  await writeCheckpoint(path, state(5), {
    settings,
    shapes: new Map([["layers.0.lora_A.weight", [3, 4]]]),
    also: (inside) => Deno.writeTextFile(`${inside}/more.txt`, "more"),
  });
  assertEquals(await readCheckpoint(path), { state: state(5), settings });
  assertEquals(await Deno.readTextFile(`${path}/more.txt`), "more");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a store keeps the last checkpoints, and what could not be written is not there", async () => {
  const folder = await Deno.makeTempDir();
  const store = new CheckpointStore(`${folder}/checkpoints`, 2);
  assertEquals(await store.latest(), undefined);
  for (const step of [1, 2, 30]) await store.write(state(step));
  assertEquals((await store.list()).map(({ step }) => step), [2, 30]);
  await assertRejects(() =>
    store.write(state(31), {
      also: () => Promise.reject(new Deno.errors.WriteZero("disk full")),
    })
  );
  await Deno.mkdir(`${store.folder}/.step-00000032.x.tmp`);
  await store.clean();
  const names = await Array.fromAsync(
    Deno.readDir(store.folder),
    ({ name }) => name,
  );
  assertEquals(names.sort(), ["step-00000002", "step-00000030"]);
  const latest = await store.latest();
  assertEquals(latest?.state, state(30));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a checkpoint of another form says which it would need", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/a`;
  await writeCheckpoint(path, { ...state(5), best: undefined });
  assertEquals((await readCheckpoint(path)).state.best, undefined);
  const file = `${path}/checkpoint.json`;
  const sound = JSON.parse(await Deno.readTextFile(file));
  for (
    const [change, message] of [
      [{ format: "other" }, `"format" is "other": it must be wick checkpoint`],
      [{ version: 2 }, "it must be 1; a newer wick may read it"],
      [{ step: 6 }, "it is not as it was written, the file is damaged"],
    ] as const
  ) {
    await Deno.writeTextFile(file, JSON.stringify({ ...sound, ...change }));
    await assertRejects(() => readCheckpoint(path), FileFormatError, message);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a checkpoint that was changed anywhere is refused by the file's name", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/a`;
  await writeCheckpoint(path, state(5), { settings: { seed: 3 } });
  const files = ["checkpoint.json", "state.safetensors"];
  const sound = new Map<string, Uint8Array>();
  for (const file of files) {
    sound.set(file, await Deno.readFile(`${path}/${file}`));
  }
  const mutation = fc.record({
    file: fc.constantFrom(...files),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    flip: fc.integer({ min: 1, max: 255 }),
    truncate: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(mutation, async ({ file, at, flip, truncate }) => {
      const bytes = sound.get(file)!.slice();
      const place = Math.floor(at * bytes.length);
      bytes[place]! ^= flip;
      await Deno.writeFile(
        `${path}/${file}`,
        truncate ? bytes.subarray(0, place) : bytes,
      );
      try {
        const read = await readCheckpoint(path);
        // Space between the tokens of JSON means nothing.
        assertEquals(read, { state: state(5), settings: { seed: 3 } });
      } catch (error) {
        assert(error instanceof FileFormatError, String(error));
        assert(error.message.includes(path), error.message);
      } finally {
        await Deno.writeFile(`${path}/${file}`, sound.get(file)!);
      }
    }),
    { numRuns: 400 },
  );
  await Deno.remove(folder, { recursive: true });
});
