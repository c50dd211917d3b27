import type { Device } from "@wick/async-exec";
import { attention, reshape, slice, type Tensor } from "@wick/core-tensor";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assert } from "@std/assert";
import { readModelConfig } from "../config/read_model_config.ts";
import { CausalLanguageModel } from "./causal_language_model.ts";
import { KeyValueCache } from "./kv_cache.ts";

const FOLDER = "testdata/conformance/models/tiny-llama";
const IDS = Int32Array.from({ length: 11 }, (_, i) => (i * 7) % 40 + 1);

/** The small Llama with a window of 4 in its second layer. */
async function windowed(
  device: Device,
  window: number | null,
): Promise<CausalLanguageModel> {
  const { weights } = await CausalLanguageModel.load(device, FOLDER);
  const config = await readModelConfig(FOLDER);
  const slidingWindowLayers = Array.from(
    { length: config.layers },
    (_, layer) => window !== null && layer > 0,
  );
  return new CausalLanguageModel(
    device,
    { ...config, slidingWindow: window, slidingWindowLayers },
    weights,
  );
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `a sliding window gives a cache what it gives whole rows on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using model = await windowed(device, 4);
      const ids = device.tensor(IDS, { shape: [1, IDS.length] });
      const whole = await model.logits(model.hidden(ids)).data();
      const size = { batch: 1, capacity: 16 };
      using cache = new KeyValueCache(device, model.config, size);
      const found: number[] = [];
      // A prompt of 6 tokens, then one by one.
      for (let from = 0; from < IDS.length; from += from === 0 ? 6 : 1) {
        const next = IDS.slice(from, from === 0 ? 6 : from + 1);
        cache.setPositions([from]);
        const x = device.tensor(next, { shape: [1, next.length] });
        const logits = model.logits(model.hidden(x, { cache }));
        found.push(...await logits.data());
      }
      assertClose(found, whole, { rtol: 1e-4, atol: 1e-4 });
      using all = await windowed(device, null);
      const seen = await all.logits(all.hidden(ids)).data();
      const size1 = all.config.vocabularySize;
      // The first tokens see all that is before them, the last do not.
      assertClose(whole.slice(0, 4 * size1), seen.slice(0, 4 * size1), {
        ...{ rtol: 1e-4, atol: 1e-4 },
      });
      const last = whole.length - 1;
      assert(Math.abs(whole[last]! - seen[last]!) > 1e-3);
    },
  });
}

Deno.test("a window is the same as the keys that are left, cut out", async () => {
  const device = await TEST_DEVICES[0]!.open();
  const shape = [1, 9, 2, 4];
  const [q, k, v] = [1, 2, 3].map((seed) =>
    device.tensor(
      Float32Array.from({ length: 72 }, (_, i) => Math.sin(seed + i * seed)),
      { shape },
    )
  ) as [Tensor, Tensor, Tensor];
  const y = await attention(q, k, v, { causal: true, window: 3 }).data();
  for (let query = 0; query < 9; query++) {
    const from = Math.max(0, query - 2);
    const part = (x: Tensor, start: number): Tensor =>
      slice(x, [0, start, 0, 0], [1, query + 1, 2, 4]);
    const want = attention(part(q, query), part(k, from), part(v, from));
    assertClose(
      y.slice(8 * query, 8 * query + 8),
      await reshape(want, [8]).data(),
    );
  }
});
