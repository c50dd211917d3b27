import {
  crossEntropy,
  matmul,
  mul,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { gradients, planSummary } from "@wick/graph";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert } from "@std/assert";
import { chunkedLoss, languageModelLoss } from "./mod.ts";

const [ROWS, FEATURES, CLASSES] = [37, 20, 5003];
const MODEL = "testdata/conformance/models/tiny-llama";

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const chunkRows of [1, 8, 37, 50]) {
    Deno.test({
      name:
        `chunkedLoss() by ${chunkRows} rows is the plain loss, with its gradients, on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const trained = (shape: number[], seed: number): Tensor =>
          device.tensor(random(shape, seed).values, {
            ...{ shape, dtype: "f32", trainable: true },
          });
        const x = trained([ROWS, FEATURES], 1);
        const weight = trained([CLASSES, FEATURES], 2);
        const other = trained([3], 3);
        const labels = Int32Array.from(
          { length: ROWS },
          (_, row) => row % 5 === 2 ? -100 : row * 131 % CLASSES,
        );
        const right = device.tensor(labels);
        // The stream depends on the weight, too, as with tied embeddings.
        const hidden = mul(matmul(x, matmul(transpose(weight), weight)), 1e-3);
        const head = (rows: Tensor) => matmul(rows, transpose(weight));
        const options = { labelSmoothing: 0.1 };
        const plain = crossEntropy(head(hidden), right, {
          ...options,
          reduction: "sum",
        });
        const chunked = chunkedLoss(hidden, head, right, {
          ...options,
          chunkRows,
          parameters: [x, weight, other],
        });
        const wanted = [plain, ...gradients(mul(plain, 0.1), [x, weight])];
        const found = [chunked, ...gradients(mul(chunked, 0.1), [x, weight])];
        const [before, after] = [wanted, found].map((roots) =>
          planSummary(device.planOf(roots)).temporaryBytes
        );
        // Two logits of one chunk, three sums of the gradient of the weight, and
        // the small rest, some of which steps of one dispatch keep for longer.
        const row = 4 * CLASSES;
        const most = 2 * chunkRows * row + 3 * FEATURES * row + 4 * row;
        assert(before! >= 2 * ROWS * row);
        if (chunkRows <= 8) assert(after! < most, `${after} of ${most}`);
        device.evaluate([...wanted, ...found]);
        for (const [i, tensor] of wanted.entries()) {
          // Sums over thousands of classes, in another order.
          assertClose(await found[i]!.data(), await tensor.data(), {
            rtol: 1e-4,
            atol: 1e-5,
          });
        }
      },
    });
  }

  Deno.test({
    name:
      `a language model's loss is the same without its logits in memory on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      using model = await CausalLanguageModel.load(device, MODEL);
      using adapter = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
      let seed = 1;
      for (const { b } of adapter.layers.values()) {
        device.write(
          b,
          random(b.shape, seed++, { low: -0.1, high: 0.1 }).values,
        );
      }
      const parameters = [...adapter.parameters.values()];
      const shape = [3, 16];
      const tokens =
        random(shape, 9, { low: 0, high: 320, dtype: "i32" }).values;
      const ids = device.tensor(Int32Array.from(tokens), { shape });
      const next = device.tensor(
        Int32Array.from(tokens, (id, i) => i % 3 === 0 ? -100 : id),
        { shape },
      );
      const results = [2 ** 30, 5 * 4 * 320].map((logitBytes) => {
        const loss = languageModelLoss(model, ids, next, {
          logitBytes,
          parameters,
        });
        return [loss, ...gradients(loss, parameters)];
      });
      device.evaluate(results.flat());
      for (const [i, tensor] of results[0]!.entries()) {
        assertClose(await results[1]![i]!.data(), await tensor.data(), {
          rtol: 1e-4,
          atol: 1e-6,
        });
      }
      const loss = languageModelLoss(model, ids, next, {
        logitBytes: 7 * 4 * 320,
        differentiable: false,
      });
      assertClose([await loss.item()], await results[0]![0]!.data(), {
        rtol: 1e-5,
        atol: 0,
      });
    },
  });
}
