import { DEFAULT_TRAITS } from "@wick/graph";
import { TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCaptured } from "./run_captured.ts";
import { attentionItems } from "./tuned_attention.ts";
import { bytesOf } from "./tuned_item.ts";
import { modelProducts, usualProducts, workOf } from "./tuned_products.ts";
import { classItems, normItems } from "./tuned_rows.ts";

const MODEL = "examples/tickets/base-model";
const ignore = TEST_DEVICES.some(({ name, ignore }) =>
  name === "webgpu" && ignore
);

Deno.test("wick tune refuses the CPU device, which has nothing to tune", async () => {
  const { code, out, error } = await runCaptured(["tune", "--device=cpu"]);
  assertEquals([code, out], [1, ""]);
  assertStringIncludes(error, "Cannot tune the device cpu");
  assertStringIncludes(error, "--device webgpu");
});

Deno.test("the products of a model are those of its layers and its head", async () => {
  const options = { tokens: 64, rank: 8, weight: "f16" } as const;
  const products = await modelProducts(MODEL, options);
  const sizes = new Set(products.map(({ n, k }) => `${n} ${k}`));
  for (const size of ["128 128", "64 128", "352 128", "128 352", "1024 128"]) {
    assert(sizes.has(size), size);
  }
  for (const product of [...products, ...usualProducts(512, options)]) {
    const { operation, operands, attributes, shape } = workOf(product);
    const output = operation.infer(
      operands.map(({ dtype, view }) => ({ dtype, shape: view.shape })),
      attributes,
    );
    assertEquals(output.shape, shape);
  }
});

Deno.test("gradients of keys are tuned as a plan for the device has them", () => {
  const heads = { heads: 4, keyValueHeads: 2, headDim: 8 };
  for (
    const [adapterClass, shape] of [
      ["gpu", [2, 1, 6, 2, 2, 8]],
      ["software", [2, 1, 6, 2, 8]],
    ] as const
  ) {
    const items = attentionItems(6, heads, { ...DEFAULT_TRAITS, adapterClass });
    const found = items.find(({ name }) => name === "attention, dk and dv");
    assertEquals(found!.work.shape, shape);
  }
});

Deno.test("rows and attention to tune are what the operations take", () => {
  const heads = { heads: 4, keyValueHeads: 2, headDim: 8 };
  const device = {
    adapterClass: "gpu",
    maxWorkgroupThreads: 256,
    maxWorkgroupBytes: 16384,
    maxStorageBuffers: 8,
  } as const;
  const items = [
    ...normItems(6, 8),
    ...classItems(6, 8),
    ...attentionItems(6, heads, device),
  ];
  for (const { name, work } of items) {
    const { operation, operands: inputs, attributes } = work;
    const call = operation.kernel?.({
      ...{ attributes, inputs, output: work, device },
    });
    const { choices, choice } = call!.tuning!;
    assert(choices.length > 1, name);
    assertEquals(choice, choices[0]);
  }
  assertEquals(bytesOf(normItems(6, 8)[0]!.work), 4 * (48 + 8 + 48));
});

Deno.test({
  name: "wick tune measures, keeps and forgets",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    const model = `${folder}/model`;
    await Deno.mkdir(model);
    const config = JSON.parse(
      await Deno.readTextFile(`${MODEL}/config.json`),
    );
    const small = {
      ...{ vocab_size: 32, hidden_size: 16, intermediate_size: 16 },
      ...{ num_attention_heads: 2, num_key_value_heads: 2, head_dim: 8 },
    };
    await Deno.writeTextFile(
      `${model}/config.json`,
      JSON.stringify({ ...config, ...small }),
    );
    const before = Deno.env.get("XDG_CACHE_HOME");
    Deno.env.set("XDG_CACHE_HOME", folder);
    try {
      const arguments_ = ["tune", "--device=webgpu", "--tokens=8"];
      const run = await runCaptured([
        ...[...arguments_, `--model=${model}`, "--rank=4"],
        ...["--json", "--quiet"],
      ]);
      assertEquals([run.code, run.error], [0, ""]);
      const events = run.out.trim().split("\n").map((line) => JSON.parse(line));
      assert(events.length > 5, `${events.length} products`);
      for (const { event, choice, times } of events) {
        assertEquals(event, "tuned");
        assert(choice in times, `${choice} was not measured`);
      }
      const file = `${folder}/wick/tuning.json`;
      if (Deno.build.os === "linux") {
        const { devices } = JSON.parse(await Deno.readTextFile(file));
        const [choices] = Object.values<object>(devices);
        assertEquals(Object.keys(choices!).length, events.length);
      }
      const forget = await runCaptured([...arguments_, "--forget"]);
      assertStringIncludes(forget.out, `forgot ${events.length} choices`);
    } finally {
      if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", before);
    }
  },
});
