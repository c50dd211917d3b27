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
  type MultiStepReport,
  type StepReport,
  type TokenizedExample,
  Trainer,
  type TrainerOptions,
  type TrainingState,
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

/** How far apart the values of two adapters are, in all. */
function distance(
  one: ReadonlyMap<string, ArrayLike<number>>,
  other: ReadonlyMap<string, ArrayLike<number>>,
): number {
  return Math.hypot(
    ...[...one].map(([name, values]) =>
      Math.hypot(
        ...Array.from(values, (value, i) => value - other.get(name)![i]!),
      )
    ),
  );
}

/** How all adapters are trained. */
type Common = Pick<
  TrainerOptions,
  "steps" | "gradientAccumulation" | "evaluateEvery"
>;

async function trainedAlone(device: Device, name: string, common: Common) {
  using model = await CausalLanguageModel.load(device, FOLDER);
  using adapter = adapterOf(model, name);
  adapter.insert();
  const { length, options } = JOBS[name]!;
  const start = await valuesOf(adapter);
  const trainer = new Trainer(
    model,
    adapter,
    examples(length),
    examples(length + 1),
    { ...options, ...common },
  );
  const reports = await trainer.run();
  const { best } = trainer;
  return { reports, start, values: await valuesOf(adapter), best };
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const gradientAccumulation of [1, 3]) {
    Deno.test({
      name:
        `adapters trained together end as each alone, ${gradientAccumulation} batches a step, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const common = { steps: 4, gradientAccumulation, evaluateEvery: 3 };
        // A software GPU compiles every shape for a good part of a second.
        const names = name === "cpu" ? Object.keys(JOBS) : ["narrow", "plus"];
        using model = await CausalLanguageModel.load(device, FOLDER);
        const own = [...model.linears.values()];
        using opened = new DisposableStack();
        const jobs = Object.fromEntries(
          names.map((key) => [key, {
            adapter: opened.use(adapterOf(model, key)),
            examples: examples(JOBS[key]!.length),
            validation: examples(JOBS[key]!.length + 1),
            ...JOBS[key]!.options,
          }]),
        );
        const trainer = new MultiAdapterTrainer(model, jobs, common);
        const reports = await trainer.run();
        assertEquals([...model.linears.values()], own);
        for (const key of names) {
          const alone = await trainedAlone(device, key, common);
          assertClose(
            reports.map(({ adapters }) => adapters[key]!).flatMap(numbersOf),
            alone.reports.flatMap(numbersOf),
            { rtol: 1e-4, atol: 0 },
          );
          assertEquals(trainer.progress(key).best?.step, alone.best?.step);
          // AdamW makes a step of its rate whatever the size of a gradient, so
          // one that is nearly zero shows rounding, which a BLAS does by the
          // shape of a product: the adapter as a whole is compared.
          const together = await valuesOf(jobs[key]!.adapter);
          const shift = distance(together, alone.values);
          const way = distance(alone.start, alone.values);
          assertEquals(shift < 1e-3 * way, true, `${key}: ${shift} of ${way}`);
        }
      },
    });
  }

  Deno.test({
    name:
      `adapters that go on have the bits of those never stopped, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using model = await CausalLanguageModel.load(device, FOLDER);
      const names = ["narrow", "plus"];
      const run = async (
        signal: AbortSignal,
        states: Readonly<Record<string, TrainingState>> = {},
        onStep: () => void = () => {},
      ) => {
        using opened = new DisposableStack();
        const jobs = Object.fromEntries(
          names.map((key) => {
            const { config, length, options } = JOBS[key]!;
            const adapter = opened.use(
              LoraAdapter.inject(model, { ...config, dropout: 0.3 }, {
                insert: false,
              }),
            );
            const state = states[key];
            return [key, {
              adapter,
              examples: examples(length),
              validation: examples(length + 1),
              ...options,
              ...(state && { state }),
            }];
          }),
        );
        let saved: Readonly<Record<string, TrainingState>> = {};
        const best: string[] = [];
        const trainer = new MultiAdapterTrainer(model, jobs, {
          ...{ steps: 6, gradientAccumulation: 2, evaluateEvery: 2, signal },
          onStep,
          onBest: (key, { step }) => void best.push(`${key} ${step}`),
          onSave: (found) => void (saved = found),
        });
        const reports = await trainer.run();
        const adapters = await Promise.all(
          names.map((key) => valuesOf(jobs[key]!.adapter)),
        );
        return { reports, saved, adapters, best };
      };
      const whole = await run(new AbortController().signal);
      const stop = new AbortController();
      let steps = 0;
      const half = await run(stop.signal, {}, () => {
        if (++steps === 3) stop.abort();
      });
      assertEquals(half.reports.length, 3);
      assertEquals(half.saved["plus"]!.step, 3);
      const rest = await run(new AbortController().signal, half.saved);
      assertEquals(
        [...half.reports, ...rest.reports].map(lossesOf),
        whole.reports.map(lossesOf),
      );
      assertEquals([...half.best, ...rest.best], whole.best);
      assertEquals(rest.adapters, whole.adapters);
      assertEquals(rest.saved, whole.saved);
    },
  });
}

function numbersOf(report: StepReport): number[] {
  const { loss, gradientNorm, learningRate, validationLoss } = report;
  return [loss, gradientNorm, learningRate, validationLoss ?? -1];
}

function lossesOf({ step, adapters }: MultiStepReport) {
  return [step, ...Object.values(adapters).map(numbersOf)];
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
  const state = (step: number): TrainingState => ({
    ...{ step, parameters: new Map(), best: undefined },
    validationsSinceBest: 0,
  });
  assertThrows(
    () =>
      make({
        one: { ...job, state: state(3) },
        two: { ...job, state: state(6) },
      }),
    RangeError,
    '"one" was saved after step 3 and "two" after step 6',
  );
  assertThrows(
    () => make({ long: { ...job, examples: examples(600) } }),
    RangeError,
    'the model has 256 positions, for "long"',
  );
  using pissa = await LoraAdapter.create(
    model,
    loraConfig({ rank: 2, init: "pissa", dropout: 0.1 }),
    { insert: false },
  );
  assertThrows(
    () => make({ pissa: { ...job, adapter: pissa } }),
    RangeError,
    'Cannot train "pissa" beside others with PiSSA and dropout',
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
