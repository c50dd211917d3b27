import { CausalLanguageModel } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals } from "@std/assert";
import { evaluateLoss, type TokenizedExample } from "./mod.ts";

const MODEL = "testdata/conformance/models/tiny-llama";

// All of one length: batches differ only in their rows.
const examples = Array.from({ length: 5 }, (_, seed): TokenizedExample => {
  const { values } = random([8], seed + 1, {
    ...{ low: 0, high: 320, dtype: "i32" },
  });
  return { ids: [...values], labels: [-100, ...values.slice(1)] };
});

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `evaluateLoss() is the same whatever the batches on ${name}`,
    ignore,
    async fn() {
      const device = await open();
      using model = await CausalLanguageModel.load(device, MODEL);
      const whole = await evaluateLoss(model, examples, { batchSize: 5 });
      await evaluateLoss(model, examples.slice(0, 4), { batchSize: 2 });
      const { pipelines } = device.statistics();
      const parts = await evaluateLoss(model, examples, { batchSize: 2 });
      assertEquals(parts.tokens, whole.tokens);
      assertClose([parts.loss], [whole.loss]);
      // The last batch, of one example, brings nothing new to compile.
      assertEquals(device.statistics().pipelines, pipelines);
    },
  });
}
