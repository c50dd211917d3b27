import type { Device } from "@wick/async-exec";
import { LoraAdapter, type LoraConfig, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  type AdapterTrainerOptions,
  MultiAdapterTrainer,
  type TokenizedExample,
  Trainer,
} from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-qwen2";

/** Adapters that differ in rank, layers, data, its length, and all options. */
const JOBS: Readonly<
  Record<
    string,
    { config: LoraConfig; length: number; options: AdapterTrainerOptions }
  >
> = {
  narrow: {
    config: loraConfig({ rank: 2, targetModules: ["q_proj", "up_proj"] }),
    length: 6,
    options: { batchSize: 1, learningRate: 2e-3, schedule: "constant" },
  },
  all: {
    config: loraConfig({ rank: 8, alpha: 16 }),
    length: 14,
    options: {
      batchSize: 3,
      learningRate: 1e-2,
      maxGradientNorm: 0.3,
      weightDecay: 0.1,
      seed: 3,
    },
  },
  plus: {
    config: loraConfig({ rank: 4, targetModules: ["v_proj", "down_proj"] }),
    length: 9,
    options: {
      batchSize: 2,
      learningRate: 1e-3,
      loraPlusRatio: 8,
      warmupSteps: 2,
      labelSmoothing: 0.1,
    },
  },
};

function examples(length: number): TokenizedExample[] {
  return Array.from({ length: 4 }, (_, row) => {
    const { values } = random([length - row], 100 * length + row, {
      low: 0,
      high: 320,
      dtype: "i32",
    });
    const ids = Array.from(values);
    return { ids, labels: ids.map((id, i) => i < 2 ? -100 : id) };
  });
}

function adapterOf(model: CausalLanguageModel, name: string): LoraAdapter {
  const { config, length } = JOBS[name]!;
  const adapter = LoraAdapter.inject(model, config, {
    seed: length,
    insert: false,
  });
  let seed = length;
  for (const { b } of adapter.layers.values()) {
    // With B zero the first gradient of A would be zero.
    const { values } = random(b.shape, seed++, { low: -0.05, high: 0.05 });
    model.device.write(b, values);
  }
  return adapter;
}

async function valuesOf(
  adapter: LoraAdapter,
): Promise<Map<string, ArrayLike<number>>> {
  const found = new Map<string, ArrayLike<number>>();
  for (const [name, tensor] of adapter.parameters) {
    found.set(name, await tensor.data());
  }
  return found;
}

async function trainedAlone(device: Device, name: string, steps: number) {
  using model = await CausalLanguageModel.load(device, FOLDER);
  using adapter = adapterOf(model, name);
  adapter.insert();
  const { length, options } = JOBS[name]!;
  const trainer = new Trainer(model, adapter, examples(length), [], {
    ...options,
    steps,
  });
  const reports = await trainer.run();
  return { reports, values: await valuesOf(adapter) };
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `adapters trained together end as each alone, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const steps = 4;
      // A software GPU compiles every shape for a good part of a second.
      const names = name === "cpu" ? Object.keys(JOBS) : ["narrow", "plus"];
      using model = await CausalLanguageModel.load(device, FOLDER);
      const own = [...model.linears.values()];
      using opened = new DisposableStack();
      const jobs = Object.fromEntries(
        names.map((key) => [key, {
          adapter: opened.use(adapterOf(model, key)),
          examples: examples(JOBS[key]!.length),
          ...JOBS[key]!.options,
        }]),
      );
      const reports = await new MultiAdapterTrainer(model, jobs, { steps })
        .run();
      assertEquals([...model.linears.values()], own);
      for (const key of names) {
        const alone = await trainedAlone(device, key, steps);
        for (
          const [step, { loss, gradientNorm, learningRate }] of alone.reports
            .entries()
        ) {
          const found = reports[step]!.adapters[key]!;
          assertEquals(found.learningRate, learningRate);
          assertClose([found.loss, found.gradientNorm], [loss, gradientNorm], {
            rtol: 1e-4,
            atol: 0,
          });
        }
        const together = await valuesOf(jobs[key]!.adapter);
        for (const [tensor, values] of alone.values) {
          // AdamW makes a step of its rate whatever the size of a gradient, so
          // one that is nearly zero shows rounding: a part of one step.
          const rate = JOBS[key]!.options.learningRate!;
          assertClose(together.get(tensor)!, values, {
            rtol: 1e-4,
            atol: 1e-3 * rate,
          });
        }
      }
    },
  });
}

Deno.test("dropout of one adapter is not that of another", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, FOLDER);
  const run = async (dropout: number) => {
    using plain = adapterOf(model, "narrow");
    using dropped = LoraAdapter.inject(
      model,
      loraConfig({ rank: 4, dropout }),
      { seed: 1, insert: false },
    );
    const rows = examples(8);
    await new MultiAdapterTrainer(model, {
      plain: { adapter: plain, examples: rows },
      dropped: { adapter: dropped, examples: rows, learningRate: 1e-2 },
    }, { steps: 2 }).run();
    for (const layer of dropped.layers.values()) {
      assertEquals(layer.dropoutSource, undefined);
    }
    return [await valuesOf(plain), await valuesOf(dropped)] as const;
  };
  const [with0, with5] = [await run(0), await run(0.5)];
  for (const [name, values] of with0[0]) {
    assertClose(with5[0].get(name)!, values, { rtol: 1e-5, atol: 1e-7 });
  }
  assertNotEquals(with5[1], with0[1]);
});

Deno.test("a trainer of adapters says which of them is wrong", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, FOLDER);
  using adapter = adapterOf(model, "narrow");
  const job = { adapter, examples: examples(6) };
  const make = (jobs: ConstructorParameters<typeof MultiAdapterTrainer>[1]) =>
    new MultiAdapterTrainer(model, jobs, { steps: 1 });
  assertThrows(() => make({}), RangeError, "Cannot train no adapters");
  assertThrows(
    () => make({ good: job, bad: { ...job, learningRate: -1 } }),
    RangeError,
    'Cannot train with learningRate -1: it must be above 0, for "bad"',
  );
  assertThrows(
    () => make({ long: { ...job, examples: examples(600) } }),
    RangeError,
    'the model has 256 positions, for "long"',
  );
  using dora = LoraAdapter.inject(model, loraConfig({ useDora: true }), {
    insert: false,
  });
  await assertRejects(
    () => make({ dora: { ...job, adapter: dora } }).run(),
    RangeError,
    'Cannot mix "dora": it is DoRA',
  );
});
