import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import type { RowOptions } from "./batch_row.ts";
import { DecodeBatch } from "./decode_batch.ts";
import { uniformSource } from "./uniform_source.ts";

const MODELS = `${import.meta.dirname}/../../../testdata/conformance/models`;

function randomIds(length: number, seed: number): number[] {
  const uniform = uniformSource(seed);
  return Array.from({ length }, () => 3 + Math.floor(uniform() * 300));
}

/** A prompt and how it is continued; all differ. */
const ROWS: readonly (readonly [number[], RowOptions])[] = [
  [randomIds(5, 1), { logProbabilities: true, maxNewTokens: 9 }],
  [randomIds(40, 2), { temperature: 0.9, topK: 20, seed: 4, maxNewTokens: 5 }],
  [randomIds(1, 3), { repetitionPenalty: 1.4, maxNewTokens: 12 }],
  [randomIds(17, 4), { temperature: 1.3, topP: 0.8, seed: 9, maxNewTokens: 7 }],
  [randomIds(33, 5), { maxNewTokens: 3 }],
  [randomIds(8, 6), { temperature: 2, minP: 0.1, stream: 3, maxNewTokens: 8 }],
];

interface Made {
  readonly ids: number[];
  readonly logProbabilities: number[];
}

/** Lets sequences join whenever a row is free, `size` of them at once. */
async function continueAll(
  model: CausalLanguageModel,
  size: number,
  rows: typeof ROWS,
): Promise<Made[]> {
  using batch = new DecodeBatch(model, { rows: size, capacity: 64 });
  const made = rows.map((): Made => ({ ids: [], logProbabilities: [] }));
  const running = new Map<number, Made>();
  let joined = 0;
  let steps = 0;
  while (joined < rows.length || batch.busy) {
    // One joins every other step, so that some rows decode while others join.
    if (joined < rows.length && batch.free > 0 && steps++ % 2 === 0) {
      const [prompt, options] = rows[joined]!;
      const row = batch.add(prompt, { stopTokenIds: [], ...options });
      running.set(row, made[joined++]!);
    }
    for (const { row, id, logProbability } of await batch.step()) {
      running.get(row)!.ids.push(id);
      running.get(row)!.logProbabilities.push(logProbability);
    }
  }
  return made;
}

/** Runs all tokens at once, without a cache. */
async function wholeLogits(
  model: CausalLanguageModel,
  ids: readonly number[],
): Promise<Float32Array> {
  using input = model.device.tensor(Int32Array.from(ids), {
    shape: [1, ids.length],
  });
  using logits = model.logits(model.hidden(input));
  const size = model.config.vocabularySize;
  return Float32Array.from((await logits.data()).slice(-size));
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test(`a row of a batch gets what it gets alone, on ${name}`, {
    ignore,
  }, async () => {
    const device = await open();
    using model = await CausalLanguageModel.load(
      device,
      `${MODELS}/tiny-qwen3`,
    );
    const alone: Made[] = [];
    for (const row of ROWS) {
      alone.push(...await continueAll(model, 1, [row]));
    }
    // Each size is compiled anew, which takes a software GPU seconds.
    for (const size of name === "cpu" ? [3, 6] : [3]) {
      const together = await continueAll(model, size, ROWS);
      together.forEach(({ ids, logProbabilities }, i) => {
        assertEquals(ids.length, ROWS[i]![1].maxNewTokens);
        assertEquals(ids, alone[i]!.ids);
        logProbabilities.forEach((value, k) => {
          if (Number.isNaN(value)) {
            assertEquals(alone[i]!.logProbabilities[k], NaN);
          } else {
            assertAlmostEquals(value, alone[i]!.logProbabilities[k]!, 1e-4);
          }
        });
      });
    }
  });

  Deno.test(
    `tokens that are computed ahead are those of one by one, on ${name}`,
    {
      ignore,
    },
    async () => {
      const device = await open();
      using model = await CausalLanguageModel.load(
        device,
        `${MODELS}/tiny-llama`,
      );
      const all = async (ahead: number): Promise<(number | string)[][]> => {
        using batch = new DecodeBatch(model, { rows: 3, capacity: 40, ahead });
        const made: (number | string)[][] = [];
        const running = new Map<number, (number | string)[]>();
        const add = (prompt: number[], options: RowOptions): number => {
          const row = batch.add(prompt, { stopTokenIds: [], ...options });
          made.push([]);
          running.set(row, made.at(-1)!);
          return row;
        };
        // The second fills the cache; the third is removed, while some of its
        // tokens are there and not given, and another one takes its place.
        add([5, 6, 7], { maxNewTokens: 26 });
        add(randomIds(17, 1), { maxNewTokens: 100 });
        const third = add([8], { maxNewTokens: 30 });
        let ready = 0;
        while (batch.busy) {
          for (const { row, id, finish } of await batch.step()) {
            running.get(row)!.push(id, ...(finish ? [finish] : []));
          }
          if (batch.ready) ready++;
          if (made.length === 3 && made[2]!.length === 11) {
            batch.remove(third);
            add([9, 4], { maxNewTokens: 20 });
          }
        }
        assertEquals(ready > 10, ahead > 1);
        return made;
      };
      const [one, several] = [await all(1), await all(4)];
      assertEquals(several, one);
      assertEquals(one.map(({ length }) => length), [27, 24, 11, 21]);
      const [, , , last] = one;
      // The first time that it comes, so that the sequence ends there.
      const stop = Number(last![12]);
      const end = last!.indexOf(stop) + 1;
      for (const ahead of [1, 4]) {
        using batch = new DecodeBatch(model, { rows: 3, capacity: 40, ahead });
        batch.add([9, 4], { maxNewTokens: 20, stopTokenIds: [stop] });
        const ids: number[] = [];
        while (batch.busy) {
          for (const { id, finish } of await batch.step()) {
            ids.push(id);
            assertEquals(finish, id === stop ? "stop" : undefined);
          }
        }
        assertEquals(ids, last!.slice(0, end));
      }
    },
  );

  Deno.test(`a long prompt is run in chunks, on ${name}`, {
    ignore,
  }, async () => {
    const device = await open();
    const folder = `${MODELS}/tiny-llama`;
    using model = await CausalLanguageModel.load(device, folder);
    using reference = await CausalLanguageModel.load(
      await TEST_DEVICES[0]!.open(),
      folder,
    );
    // 160 tokens of 30 rows are more than a chunk takes, and 256 are all
    // positions that there are, so that the last chunk has no room to spare.
    const sizes = [[160, 30], [251, 1], [250, 9]] as const;
    for (const [length, rows] of name === "cpu" ? sizes : [sizes[0]]) {
      using batch = new DecodeBatch(model, { rows, capacity: 256 });
      const prompt = randomIds(length, length);
      const options = { logProbabilities: true, stopTokenIds: [] };
      const row = batch.add(prompt, { ...options, maxNewTokens: 20 });
      if (rows > 2) {
        // A short one that decodes while the long one is still run.
        batch.remove(row);
        batch.add(randomIds(3, 1), { ...options, maxNewTokens: 2 });
        batch.add(prompt, { ...options, maxNewTokens: 20 });
      }
      const ids = [...prompt];
      while (batch.busy) {
        for (const token of await batch.step()) {
          if (rows > 2 && token.row === 0) continue;
          ids.push(token.id);
          if (ids.length !== length + 1 && !token.last) continue;
          const logits = await wholeLogits(reference, ids.slice(0, -1));
          const high = Math.max(...logits);
          assertAlmostEquals(logits[token.id]!, high, 1e-4);
          const total = logits.reduce((sum, x) => sum + Math.exp(x - high), 0);
          assertAlmostEquals(token.logProbability, -Math.log(total), 1e-4);
          assertEquals(token.finish, token.last ? "length" : undefined);
        }
      }
      assertEquals(ids.length, Math.min(length + 20, 256));
    }
  });
}

const webgpu = TEST_DEVICES.find(({ name }) => name === "webgpu")!;

/** What makes something on the GPU. */
const MAKERS = [
  "createBuffer",
  "createBindGroup",
  "createBindGroupLayout",
  "createPipelineLayout",
  "createShaderModule",
  "createComputePipeline",
] as const satisfies readonly (keyof GPUDevice)[];

Deno.test("decoding makes nothing on the GPU after the second token", {
  ignore: webgpu.ignore,
}, async () => {
  using model = await CausalLanguageModel.load(
    await webgpu.open(),
    `${MODELS}/tiny-llama`,
  );
  const made: string[] = [];
  const originals = MAKERS.map((name) =>
    [name, Reflect.get(GPUDevice.prototype, name)] as const
  );
  for (const [name, original] of originals) {
    Reflect.set(GPUDevice.prototype, name, function (
      this: GPUDevice,
      ...given: unknown[]
    ) {
      made.push(name);
      return Reflect.apply(original, this, given);
    });
  }
  try {
    for (
      const options of [{}, { temperature: 1 }, { logProbabilities: true }]
    ) {
      using batch = new DecodeBatch(model, { rows: 2, capacity: 32 });
      batch.add([5, 6, 7], { ...options, stopTokenIds: [], maxNewTokens: 12 });
      batch.add([8], { ...options, stopTokenIds: [], maxNewTokens: 9 });
      made.length = 0;
      await batch.step();
      await batch.step();
      assertEquals(made.includes("createBindGroup"), true);
      made.length = 0;
      let tokens = 0;
      while (batch.busy) tokens += (await batch.step()).length;
      assertEquals([tokens, made], [17, []]);
    }
    using batch = new DecodeBatch(model, { rows: 2, capacity: 32, ahead: 3 });
    batch.add([5, 6, 7], { stopTokenIds: [], maxNewTokens: 26 });
    let tokens = 0;
    while (batch.busy) {
      // By then some were computed ahead.
      if (tokens === 9) made.length = 0;
      tokens += (await batch.step()).length;
    }
    assertEquals([tokens, made], [26, []]);
  } finally {
    for (const [name, original] of originals) {
      Reflect.set(GPUDevice.prototype, name, original);
    }
  }
});

Deno.test("a row that is removed while a step waits leaves no token behind", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, `${MODELS}/tiny-llama`);
  using batch = new DecodeBatch(model, { rows: 2, capacity: 32 });
  const options = { stopTokenIds: [], maxNewTokens: 4 };
  const first = batch.add([5, 6], options);
  const second = batch.add([7], options);
  await batch.step();
  const step = batch.step();
  batch.remove(first);
  assertEquals(batch.add([9, 9, 9], options), first);
  assertEquals((await step).map(({ row }) => row), [second]);
  const counts = [0, 0];
  while (batch.busy) {
    for (const { row } of await batch.step()) counts[row]!++;
  }
  assertEquals(counts, [4, 2]);
});

Deno.test("a batch refuses what it cannot continue", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, `${MODELS}/tiny-llama`);
  using batch = new DecodeBatch(model, { rows: 1, capacity: 8 });
  const refused: readonly (readonly [number[], RowOptions, string])[] = [
    [[], {}, "empty prompt"],
    [randomIds(8, 1), {}, "room for 8"],
    [[320], {}, "the model has tokens 0 to 319"],
    [[1], { temperature: -1 }, "temperature -1"],
    [[1], { maxNewTokens: 0 }, "by 0 tokens"],
    [[1], { adapter: "law" }, 'the adapter "law"'],
  ];
  for (const [prompt, options, says] of refused) {
    assertThrows(() => batch.add(prompt, options), RangeError, says);
  }
  assertEquals(batch.free, 1);
  batch.add([1], {});
  assertThrows(() => batch.add([1], {}), RangeError, "all 1 rows are in use");
  assertThrows(
    () => new DecodeBatch(model, { rows: 1, capacity: 257 }),
    RangeError,
    "256 positions",
  );
  assertThrows(
    () => new DecodeBatch(model, { rows: 1, capacity: 8, ahead: 0 }),
    RangeError,
    "0 tokens of a row",
  );
});
