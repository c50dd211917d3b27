import {
  add,
  detach,
  dropout,
  full,
  isGpu,
  matmul,
  mul,
  silu,
  sum,
  sumOfSquares,
  type Tensor,
  withGradients,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { gradients } from "./gradients.ts";
import { planSummary } from "./plan_summary.ts";

const [ROWS, WIDTH, LAYERS] = [64, 32, 6];

/** Layers that keep much: checkpoints, weights and the result. */
function network(tensor: (shape: number[], seed: number) => Tensor) {
  let x = tensor([ROWS, WIDTH], 1);
  const checkpoints = [x];
  const weights: Tensor[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const up = tensor([WIDTH, 4 * WIDTH], 10 + 2 * layer);
    const down = tensor([4 * WIDTH, WIDTH], 11 + 2 * layer);
    const wide = silu(matmul(x, up));
    const kept = dropout(mul(wide, wide), 0.25, { seed: layer });
    x = add(x, matmul(kept, down));
    weights.push(up, down);
    checkpoints.push(x);
  }
  return { y: sumOfSquares(x), weights, checkpoints };
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `gradients computed again are the same in less memory on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const { y, weights, checkpoints } = network((shape, seed) =>
        device.tensor(random(shape, seed, { low: -0.3, high: 0.3 }).values, {
          shape,
          dtype: "f32",
          trainable: true,
        })
      );
      const plain = gradients(y, weights);
      const again = gradients(y, weights, { checkpoints });
      const [before, after] = [plain, again].map((parts) =>
        planSummary(device.planOf([y, ...parts])).temporaryBytes
      );
      const activations = 4 * ROWS * 4 * WIDTH;
      assert(before! > 2 * LAYERS * activations, `${before}`);
      assert(after! < 0.6 * before!, `${after} of ${before}`);
      device.evaluate([...plain, ...again]);
      for (const [i, gradient] of plain.entries()) {
        const found = await again[i]!.data();
        const expected = await gradient.data();
        if (!isGpu(device.backend.traits)) assertEquals(found, expected);
        // Of another plan a GPU may do a product with another kernel, whose sums
        // of up to 128 terms below 1 are in another order.
        else assertClose(found, expected, { rtol: 1e-5, atol: 1e-6 });
      }
    },
  });

  Deno.test({
    name:
      `gradients stop where they are told to and take what is given on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.tensor([1, 2, 3], { trainable: true });
      const other = device.tensor([4, 5, 6], { trainable: true });
      const y = sum(mul(mul(x, detach(x)), other));
      const [dx, dother] = gradients(y, [x, other]);
      assertClose(await dx!.data(), [4, 10, 18]);
      assertClose(await dother!.data(), [1, 4, 9]);
      const given = withGradients(y, [x], [mul(other, 7)]);
      const [taken, none] = gradients(mul(given, 2), [x, other]);
      assertClose(await taken!.data(), [56, 70, 84]);
      assertEquals(await none!.data(), Float32Array.of(0, 0, 0));
      assertClose(await given.data(), [4 + 20 + 54]);
    },
  });
}

Deno.test("withGradients() wants a gradient of the shape of each operand", () => {
  const { y, weights } = network((shape) => full(shape, 1));
  assertThrows(
    () => withGradients(y, [weights[0]!], []),
    RangeError,
    "[32,128]",
  );
  assertThrows(
    () => withGradients(weights[0]!, [], []),
    RangeError,
    "must be a number",
  );
});
