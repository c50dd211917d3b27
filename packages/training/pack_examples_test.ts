import type { Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Batch,
  languageModelLoss,
  makeBatch,
  makePackedBatch,
  packExamples,
  type TokenizedExample,
} from "./mod.ts";

function examples(lengths: readonly number[]): TokenizedExample[] {
  return lengths.map((length, seed) => {
    const { values } = random([length], 100 + seed, {
      ...{ low: 0, high: 320, dtype: "i32" },
    });
    const ids = Array.from(values);
    // Half of them as texts, all of whose tokens count.
    const masked = seed % 2 === 0 ? 0 : Math.floor(length / 2);
    return { ids, labels: ids.map((id, i) => i < masked ? -100 : id) };
  });
}

Deno.test("packExamples() puts every example into one row, and fills rows well", () => {
  const { values } = random([500], 3, { low: 2, high: 60, dtype: "i32" });
  const all = examples(Array.from(values));
  const rows = packExamples(all, 64);
  assertEquals(
    rows.flat().sort((a, b) => a - b),
    all.map((_, i) => i),
  );
  const used = (row: readonly number[]): number =>
    row.reduce((sum, index) => sum + all[index]!.ids.length, 0);
  assert(rows.every((row) => used(row) <= 64));
  const tokens = used(all.map((_, i) => i));
  assert(tokens / (64 * rows.length) > 0.97, `${tokens} in ${rows.length}`);
  assertThrows(
    () => packExamples(all, 40),
    RangeError,
    "rows of 40: cut it, or make rows longer",
  );
});

Deno.test("makePackedBatch() counts positions from the start of each example", () => {
  const [a, b] = [
    { ids: [5, 6, 7], labels: [5, 6, 7] },
    { ids: [8, 9], labels: [-100, 9] },
  ];
  const batch = makePackedBatch([[a, b]], 7);
  assertEquals(batch.ids, Int32Array.of(5, 6, 7, 8, 9, 0, 0));
  assertEquals(batch.nextIds, Int32Array.of(6, 7, -100, 9, -100, -100, -100));
  assertEquals(batch.positions, Int32Array.of(0, 1, 2, 0, 1, 0, 1));
  assertEquals(batch.starts, Int32Array.of(0, 0, 0, 3, 3, 5, 5));
  assertEquals([batch.tokens, batch.counted], [5, 3]);
});

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const family of ["tiny-llama", "tiny-qwen3"]) {
    Deno.test({
      name:
        `${family} gives packed examples the loss and gradients that they have apart, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        using model = await CausalLanguageModel.load(
          device,
          `testdata/conformance/models/${family}`,
        );
        using adapter = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
        let seed = 1;
        for (const { b } of adapter.layers.values()) {
          device.write(
            b,
            random(b.shape, seed++, { low: -0.1, high: 0.1 }).values,
          );
        }
        const parameters = [...adapter.parameters.values()];
        const all = examples([13, 9, 21, 2, 5, 17]);
        const packed = packExamples(all, 32)
          .map((row) => row.map((index) => all[index]!));
        assert(packed.length < 4);
        const results = [makeBatch(all), makePackedBatch(packed, 32)]
          .map((batch: Batch) => {
            const shape = [batch.rows, batch.length];
            const input = (values: Int32Array): Tensor =>
              device.tensor(values, { shape });
            const loss = languageModelLoss(
              model,
              input(batch.ids),
              input(batch.nextIds),
              {
                ...(batch.positions && { positions: input(batch.positions) }),
                ...(batch.starts && { starts: input(batch.starts) }),
              },
            );
            return [loss, ...gradients(loss, parameters)];
          });
        device.evaluate(results.flat());
        for (const [i, tensor] of results[0]!.entries()) {
          assertClose(await results[1]![i]!.data(), await tensor.data(), {
            rtol: 2e-4,
            atol: 1e-6,
          });
        }
      },
    });
  }
}
