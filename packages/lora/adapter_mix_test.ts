import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import { CausalLanguageModel } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { AdapterMix, LoraAdapter, loraConfig } from "./mod.ts";

const FOLDER = "testdata/conformance/models/tiny-qwen2";

// Unequal ranks and scalings, other layers each, none in all of them.
const CONFIGS = {
  queries: loraConfig({
    rank: 8,
    alpha: 16,
    targetModules: ["q_proj", "v_proj"],
  }),
  all: loraConfig({ rank: 3, alpha: 5, targetModules: "all-linear" }),
  wide: loraConfig({
    rank: 16,
    alpha: 16,
    targetModules: ["o_proj", "up_proj"],
    useRslora: true,
  }),
  last: loraConfig({
    rank: 2,
    alpha: 9,
    targetModules: ["q_proj", "down_proj"],
    layersToTransform: [1],
  }),
};

const ROWS = ["all", "queries", null, "last", "wide", "all", "queries", "last"];

function adaptersOf(
  model: CausalLanguageModel,
  trainable = false,
): Record<string, LoraAdapter> {
  return Object.fromEntries(
    Object.entries(CONFIGS).map(([name, config], number) => {
      const adapter = LoraAdapter.inject(model, config, {
        seed: number,
        insert: false,
        trainable,
      });
      let seed = 100 * number;
      for (const tensor of adapter.parameters.values()) {
        // B is not zero, or every adapter would do nothing.
        const values = random(tensor.shape, seed++).values;
        model.device.write(tensor, Float32Array.from(values, (v) => 0.3 * v));
      }
      return [name, adapter];
    }),
  );
}

function tokens(device: Device, rows: number, length: number): Tensor {
  const values = random([rows, length], 7, { low: 0, high: 320, dtype: "i32" });
  return device.tensor(Int32Array.from(values.values), {
    shape: [rows, length],
  });
}

/** The logits of all rows with each adapter alone, and with none. */
async function aloneOn(
  device: Device,
  length: number,
): Promise<Map<string | null, ArrayLike<number>>> {
  using model = await CausalLanguageModel.load(device, FOLDER);
  using ids = tokens(device, 8, length);
  const logits = () => model.logits(model.hidden(ids)).data();
  const alone = new Map<string | null, ArrayLike<number>>();
  alone.set(null, await logits());
  for (const [key, adapter] of Object.entries(adaptersOf(model))) {
    adapter.insert();
    alone.set(key, await logits());
    assertNotEquals(alone.get(key), alone.get(null));
    adapter[Symbol.dispose]();
  }
  return alone;
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const length of name === "cpu" ? [1, 5] : [5]) {
    Deno.test({
      name:
        `8 rows of ${length} with 4 adapters or none give what each gives alone, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        // A software GPU compiles each adapter for seconds, so it runs the mix.
        const alone = await aloneOn(await TEST_DEVICES[0]!.open(), length);
        using model = await CausalLanguageModel.load(device, FOLDER);
        const adapters = adaptersOf(model);
        using ids = tokens(device, 8, length);
        const record = (rows?: Tensor): Tensor =>
          model.logits(model.hidden(ids, { ...(rows && { adapters: rows }) }));
        adapters["all"]!.insert();
        const dispatches = device.planOf([record()]).steps.length;
        adapters["all"]!.eject();

        using mix = new AdapterMix(model, adapters);
        using rows = mix.rows(ROWS);
        assertEquals(device.planOf([record(rows)]).steps.length, dispatches);
        const expected = (of: readonly (string | null)[]): Float32Array => {
          const size = length * 320;
          return Float32Array.from(
            of.flatMap((key, row) =>
              Array.from(alone.get(key)!).slice(row * size, (row + 1) * size)
            ),
          );
        };
        const tolerance = { rtol: 1e-4, atol: 1e-4 };
        assertClose(await record(rows).data(), expected(ROWS), tolerance);
        // Another mix is other data for the same plan.
        const others = ROWS.toReversed();
        const { pipelines } = device.statistics();
        using next = mix.rows(others);
        assertClose(await record(next).data(), expected(others), tolerance);
        assertEquals(device.statistics().pipelines, pipelines);
        for (const adapter of Object.values(adapters)) {
          adapter[Symbol.dispose]();
        }
      },
    });
  }
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `rows gather theirs of many adapters, on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using model = await CausalLanguageModel.load(device, FOLDER);
      using opened = new DisposableStack();
      const adapters: Record<string, LoraAdapter> = {};
      for (let number = 0; number < 14; number++) {
        const config = loraConfig({
          rank: 4 + number % 3 * 2,
          alpha: 4 + number,
          targetModules: number === 3 ? ["q_proj"] : ["q_proj", "down_proj"],
        });
        const adapter = opened.use(
          LoraAdapter.inject(model, config, {
            seed: number,
            insert: false,
            trainable: false,
          }),
        );
        for (const { b } of adapter.layers.values()) {
          const { values } = random(b.shape, 50 + number);
          device.write(b, Float32Array.from(values, (v) => 0.3 * v));
        }
        adapters[`a${number}`] = adapter;
      }
      const names = ["a3", "a13", null, "a0", "a7"];
      using ids = tokens(device, names.length, 3);
      // The first layer has all there is to see, and compiles sooner.
      const record = (rows?: Tensor): Tensor =>
        model.hidden(ids, { layers: 1, ...(rows && { adapters: rows }) });
      const want: number[] = [];
      for (const [row, key] of names.entries()) {
        if (key !== null) adapters[key]!.insert();
        const values = Array.from(await record().data());
        want.push(...values.slice(row * 3 * 64, (row + 1) * 3 * 64));
        if (key !== null) adapters[key]!.eject();
      }
      adapters["a0"]!.insert();
      const dispatches = device.planOf([record()]).steps.length;
      adapters["a0"]!.eject();
      using mix = new AdapterMix(model, adapters);
      using rows = mix.rows(names);
      assertClose(await record(rows).data(), want, { rtol: 1e-4, atol: 1e-4 });
      // One more for each of its two adapted layers.
      assertEquals(
        device.planOf([record(rows)]).steps.length,
        dispatches + 2,
      );
    },
  });
}

Deno.test("a mix that is disposed of leaves the model as it was", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, FOLDER);
  const own = [...model.linears.values()];
  const before = device.statistics().bytesInUse;
  const adapters = adaptersOf(model);
  {
    using mix = new AdapterMix(model, adapters);
    assertEquals(mix.names, Object.keys(CONFIGS));
    assertEquals(model.rowAdapters, mix);
    assertThrows(
      () => mix.rows(["all", "other"]),
      RangeError,
      'Cannot run a row with the adapter "other": those that rows can have are queries, all, wide, last',
    );
    using ids = tokens(device, 3, 2);
    using rows = mix.rows([null, null]);
    assertThrows(
      () => model.hidden(ids, { adapters: rows }),
      RangeError,
      "Cannot run 3 rows with adapters [2]",
    );
  }
  assertEquals([...model.linears.values()], own);
  assertEquals(model.rowAdapters, undefined);
  for (const adapter of Object.values(adapters)) adapter[Symbol.dispose]();
  assertEquals(device.statistics().bytesInUse, before);
});

Deno.test("a mix refuses what cannot be different from row to row", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, FOLDER);
  const inject = (options: Parameters<typeof loraConfig>[0]) =>
    LoraAdapter.inject(model, loraConfig(options), { insert: false });
  using dora = inject({ useDora: true });
  assertThrows(
    () => new AdapterMix(model, { dora }),
    RangeError,
    'Cannot mix "dora": it is DoRA',
  );
  using merged = inject({ rank: 2 });
  merged.merge();
  assertThrows(
    () => new AdapterMix(model, { merged }),
    RangeError,
    'Cannot mix "merged": it is merged into the weights',
  );
  using inside = LoraAdapter.inject(model, loraConfig({ rank: 2 }));
  merged.unmerge();
  assertThrows(
    () => new AdapterMix(model, { merged }),
    RangeError,
    "another adapter is in it, eject that first",
  );
  using ids = tokens(device, 1, 2);
  using rows = device.tensor(Int32Array.of(0));
  assertThrows(
    () => model.hidden(ids, { adapters: rows }),
    RangeError,
    "Cannot give rows adapters of their own",
  );
  assertEquals(inside.layers.size, 14);
  assertThrows(() => new AdapterMix(model, {}), RangeError, "at least one");
});

Deno.test("an adapter that was alone in a mix can be in the next one", async () => {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(
    device,
    "testdata/conformance/models/tiny-llama",
  );
  using adapter = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
  using ids = device.tensor(Int32Array.of(5, 6), { shape: [1, 2] });
  const run = async () => {
    using mix = new AdapterMix(model, { adapter });
    return await model.hidden(ids, { adapters: mix.rows(["adapter"]) }).data();
  };
  assertEquals(await run(), await run());
});
