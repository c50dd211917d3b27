import type { Device } from "@wick/async-exec";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import {
  AdamW,
  type Batch,
  CapturedStep,
  languageModelLoss,
  makeBatch,
  trainStep,
} from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";

function batches(count: number, seed: number): Batch[] {
  return Array.from(
    { length: count },
    (_, part) =>
      makeBatch([0, 1, 2].map((row) => {
        const { values } = random([16], seed + 10 * part + row, {
          low: 0,
          high: 320,
          dtype: "i32",
        });
        const ids = Array.from(values);
        return { ids, labels: ids };
      })),
  );
}

/** A model with an adapter whose B is not zero, and an optimizer for it. */
async function prepare(device: Device) {
  const model = await CausalLanguageModel.load(device, FOLDER);
  const adapter = LoraAdapter.inject(model, loraConfig({ rank: 4, alpha: 8 }));
  let seed = 1;
  for (const { b } of adapter.layers.values()) {
    device.write(b, random(b.shape, seed++, { low: -0.05, high: 0.05 }).values);
  }
  const parameters = [...adapter.parameters.values()];
  return {
    model,
    adapter,
    parameters,
    optimizer: new AdamW(device, parameters),
  };
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const accumulation of [1, 3]) {
    Deno.test({
      name:
        `a captured step of ${accumulation} gives the numbers of trainStep(), on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const reports: unknown[] = [];
        const finals: unknown[] = [];
        for (const captured of [false, true]) {
          const { model, adapter, parameters, optimizer } = await prepare(
            device,
          );
          using step = new CapturedStep({
            device,
            parameters,
            optimizer,
            accumulation,
            maxGradientNorm: 0.5,
            loss: ({ ids, nextIds }) => ({
              loss: languageModelLoss(model, ids, nextIds),
            }),
          });
          const results = [];
          for (const seed of [1, 2, 3]) {
            const parts = batches(accumulation, seed);
            if (captured) results.push(await step.run(parts, 1e-2));
            else {
              results.push(
                await trainStep({
                  device,
                  parameters,
                  optimizer,
                  learningRate: 1e-2,
                  maxGradientNorm: 0.5,
                  losses: parts.map(({ ids, nextIds }) => () =>
                    languageModelLoss(
                      model,
                      device.tensor(ids, { shape: [3, 16] }),
                      device.tensor(nextIds, { shape: [3, 16] }),
                    )
                  ),
                }),
              );
            }
          }
          reports.push(results);
          finals.push(await Promise.all(parameters.map((p) => p.data())));
          optimizer[Symbol.dispose]();
          adapter[Symbol.dispose]();
          model[Symbol.dispose]();
        }
        assertEquals(reports[1], reports[0]);
        assertEquals(finals[1], finals[0]);
      },
    });
  }

  Deno.test({
    name:
      `training lowers the loss, moves every matrix and no weight, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const { model, adapter, parameters, optimizer } = await prepare(device);
      const weights = [...model.weights.values()];
      const frozen = await Promise.all(weights.map((weight) => weight.data()));
      const first = await Promise.all(parameters.map((p) => p.data()));
      using step = new CapturedStep({
        device,
        parameters,
        optimizer,
        loss: ({ ids, nextIds }) => ({
          loss: languageModelLoss(model, ids, nextIds),
        }),
      });
      const parts = batches(1, 7);
      const losses: number[] = [];
      for (let i = 0; i < 12; i++) {
        losses.push((await step.run(parts, 1e-2)).loss);
      }
      assert(losses.at(-1)! < 0.8 * losses[0]!, `${losses}`);
      const moved = await Promise.all(parameters.map((p) => p.data()));
      moved.forEach((values, i) => {
        assert(values.some((value, k) => value !== first[i]![k]));
        assert(values.every(Number.isFinite));
      });
      assertEquals(await Promise.all(weights.map((w) => w.data())), frozen);
      optimizer[Symbol.dispose]();
      adapter[Symbol.dispose]();
      model[Symbol.dispose]();
    },
  });

  Deno.test({
    name:
      `200 steps leave buffers and pipelines as they were after 10, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const { model, adapter, parameters, optimizer } = await prepare(device);
      const options = {
        device,
        parameters,
        optimizer,
        learningRate: 1e-3,
        losses: batches(1, 5).map(({ ids, nextIds }) => () =>
          languageModelLoss(
            model,
            track(device.tensor(ids, { shape: [3, 16] })),
            track(device.tensor(nextIds, { shape: [3, 16] })),
          )
        ),
      };
      const inputs: Disposable[] = [];
      function track<T extends Disposable>(input: T): T {
        inputs.push(input);
        return input;
      }
      const counts = [];
      for (let i = 0; i < 200; i++) {
        await trainStep(options);
        for (const input of inputs.splice(0)) input[Symbol.dispose]();
        if (i === 10 || i === 199) counts.push(device.statistics());
      }
      const [early, late] = counts;
      assertEquals(late!.buffers, early!.buffers);
      assertEquals(late!.bytes, early!.bytes);
      assertEquals(late!.pipelines, early!.pipelines);
      optimizer[Symbol.dispose]();
      adapter[Symbol.dispose]();
      model[Symbol.dispose]();
    },
  });
}
