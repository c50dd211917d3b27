import type { Device } from "@wick/async-exec";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  DivergenceError,
  type StepReport,
  type TokenizedExample,
  Trainer,
  type TrainerOptions,
  type TrainingState,
} from "./mod.ts";

const MODEL = "testdata/conformance/models/tiny-llama";

function examples(count: number): TokenizedExample[] {
  return Array.from({ length: count }, (_, seed) => {
    const length = 5 + seed * 7 % 12;
    const { values } = random([length], seed + 1, {
      ...{ low: 0, high: 320, dtype: "i32" },
    });
    return { ids: [...values], labels: [...values] };
  });
}

interface Run {
  readonly reports: readonly StepReport[];
  readonly states: readonly TrainingState[];
  readonly bests: readonly number[];
  /** The adapter's values, by name. */
  readonly adapter: ReadonlyMap<string, number[]>;
}

/** Trains an adapter with dropout from the start, or from a state. */
async function train(
  device: Device,
  options: TrainerOptions,
): Promise<Run> {
  using model = await CausalLanguageModel.load(device, MODEL);
  using adapter = LoraAdapter.inject(
    model,
    loraConfig({ rank: 4, dropout: 0.2 }),
    { seed: 5 },
  );
  const states: TrainingState[] = [];
  const bests: number[] = [];
  const trainer = new Trainer(model, adapter, examples(11), examples(3), {
    ...{ steps: 6, batchSize: 2, learningRate: 1e-2, seed: 3 },
    onSave: (state) => void states.push(state),
    onBest: ({ step }) => void bests.push(step),
    ...options,
  });
  const reports = await trainer.run();
  const values = new Map<string, number[]>();
  for (const [name, tensor] of adapter.parameters) {
    values.set(name, [...await tensor.data()]);
  }
  return { reports, states, bests, adapter: values };
}

const KINDS: Record<string, TrainerOptions> = {
  "one batch a step": {},
  "three batches a step": { gradientAccumulation: 3, loraPlusRatio: 4 },
  "packed rows": { packLength: 32 },
  "groups of like length, less memory": {
    groupByLength: true,
    gradientCheckpointing: true,
  },
};

// Compiling takes a GPU in software long: there the kind with most captures.
const GPU_KINDS = ["three batches a step"];

for (const { name, ignore, open } of TEST_DEVICES) {
  const kinds = Object.entries(KINDS)
    .filter(([kind]) => name === "cpu" || GPU_KINDS.includes(kind));
  for (const [kind, options] of kinds) {
    Deno.test({
      name:
        `a run that goes on has the bits of one that never stopped: ${kind}, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const whole = await train(device, { ...options, saveEvery: 1 });
        assertEquals(whole.states.map(({ step }) => step), [1, 2, 3, 4, 5, 6]);
        const state = whole.states[3]!;
        const rest = await train(device, { ...options, state });
        assertEquals(rest.adapter, whole.adapter);
        assertEquals(
          rest.reports.map(({ step, loss }) => [step, loss]),
          whole.reports.slice(4).map(({ step, loss }) => [step, loss]),
        );
        assertEquals(rest.states, [whole.states[5]!]);
      },
    });
  }

  Deno.test({
    name: `one seed gives the same bits, another gives others on ${name}`,
    ignore,
    async fn() {
      const device = await open();
      const [one, again, other] = [
        await train(device, { seed: 3 }),
        await train(device, { seed: 3 }),
        await train(device, { seed: 4 }),
      ];
      assertEquals(again.adapter, one.adapter);
      const losses = ({ reports }: Run) => reports.map(({ loss }) => loss);
      assertEquals(losses(again), losses(one));
      assertNotEquals(losses(other), losses(one));
    },
  });

  Deno.test({
    name: `recomputation by layer gives the same adapter on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const [plain, again] = [
        await train(device, { steps: 3 }),
        await train(device, { steps: 3, gradientCheckpointing: true }),
      ];
      // Bits differ where what is computed again is fused in another way.
      for (const [name, values] of plain.adapter) {
        assertClose(again.adapter.get(name)!, values, {
          rtol: 1e-3,
          atol: 1e-4,
        });
      }
    },
  });
}

const cpu = TEST_DEVICES.find(({ name }) => name === "cpu")!;

Deno.test("a run that is stopped saves where it is", async () => {
  const device = await cpu.open();
  const stop = new AbortController();
  const run = await train(device, {
    signal: stop.signal,
    onStep: ({ step }) => step === 2 ? stop.abort() : undefined,
  });
  assertEquals(run.states.map(({ step }) => step), [2]);
});

Deno.test("training ends early where validation gets no better", async () => {
  const device = await cpu.open();
  const run = await train(device, {
    ...{ steps: 40, learningRate: 0.5, schedule: "constant" },
    ...{ evaluateEvery: 1, patience: 3 },
  });
  const losses = run.reports.map(({ validationLoss }) => validationLoss!);
  const best = 1 + losses.indexOf(Math.min(...losses));
  assert(losses.length < 40);
  assertEquals(run.bests.at(-1), best);
  assertEquals(losses.length, best + 3);
  assertEquals(run.states.at(-1)?.best, {
    step: best,
    loss: losses[best - 1]!,
  });
});

Deno.test("LoRA+ moves B faster, and only B", async () => {
  const device = await cpu.open();
  const [plain, plus] = [
    await train(device, { steps: 1 }),
    await train(device, { steps: 1, loraPlusRatio: 16 }),
  ];
  for (const [name, values] of plain.adapter) {
    const factor = name.includes("lora_B") ? 16 : 1;
    // B begins at zero, so after a step it is the step.
    plus.adapter.get(name)!.forEach((value, i) => {
      const want = factor * values[i]!;
      assert(Math.abs(value - want) <= 1e-4 * Math.abs(want) + 1e-9);
    });
  }
});

Deno.test("label smoothing changes the loss, and training with it", async () => {
  const device = await cpu.open();
  const [plain, soft] = [
    await train(device, { steps: 2 }),
    await train(device, { steps: 2, labelSmoothing: 0.3 }),
  ];
  assert(plain.reports[0]!.loss !== soft.reports[0]!.loss);
});

Deno.test("a loss that is no number stops training, and changes nothing", async () => {
  const device = await cpu.open();
  using model = await CausalLanguageModel.load(device, MODEL);
  using adapter = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
  const { b } = adapter.layers.get("model.layers.1.mlp.up_proj")!;
  device.write(b, new Float32Array(b.size).fill(3e38));
  const values = async (): Promise<number[][]> => {
    const all: number[][] = [];
    for (const tensor of adapter.parameters.values()) {
      all.push([...await tensor.data()]);
    }
    return all;
  };
  const before = await values();
  const trainer = new Trainer(model, adapter, examples(4), [], {
    learningRate: 0.01,
  });
  const error = await assertRejects(() => trainer.run(), DivergenceError);
  assertEquals(error.step, 1);
  assertStringIncludes(error.message, "step 1");
  assertStringIncludes(error.message, "the output of model.layers.1");
  assertStringIncludes(error.message, "lower learning rate than 0.01");
  assertEquals(await values(), before);
});

Deno.test("a gradient that overflows is told by its parameters", async () => {
  const device = await cpu.open();
  using model = await CausalLanguageModel.load(device, MODEL);
  using adapter = LoraAdapter.inject(
    model,
    loraConfig({ rank: 4, alpha: 4e6 }),
  );
  // Nothing times much is nothing, but its slope is not.
  for (const { a, b } of adapter.layers.values()) {
    device.write(a, new Float32Array(a.size));
    device.write(b, new Float32Array(b.size).fill(1e38));
  }
  const trainer = new Trainer(model, adapter, examples(4), []);
  const { message } = await assertRejects(() => trainer.run(), DivergenceError);
  assertMatch(
    message,
    /not finite: the gradient of \S+lora_A\S+, \S+, \S+ and \d+ more; try a lower/,
  );
});

Deno.test("an infinite learning rate is told by the parameters that it spoils", async () => {
  const device = await cpu.open();
  const error = await assertRejects(
    () => train(device, { learningRate: 3e38, schedule: "constant" }),
    DivergenceError,
  );
  assertStringIncludes(error.message, "not finite");
});

Deno.test("a trainer refuses options outside their range", () => {
  const bad: [TrainerOptions, string][] = [
    [{ patience: 0 }, "patience 0"],
    [{ saveEvery: 1.5 }, "saveEvery 1.5"],
    [{ loraPlusRatio: 0 }, "loraPlusRatio 0"],
    [{ labelSmoothing: 2 }, "labelSmoothing 2"],
    [{ packLength: 1 }, "packLength 1"],
  ];
  for (const [options, message] of bad) {
    assertThrows(
      () =>
        new Trainer(
          ...[undefined as never, undefined as never, [], [], options] as const,
        ),
      RangeError,
      message,
    );
  }
});
