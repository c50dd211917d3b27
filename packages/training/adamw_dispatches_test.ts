import { full, loraLinear, mean, mul, square, sub } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { assert, assertEquals } from "@std/assert";
import { AdamW } from "./adamw.ts";
import { clipScale, gradientNorm } from "./gradient_norm.ts";

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `a step of AdamW joins no gradients on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const x = device.zeros([64, 512]);
      const weight = device.zeros([512, 512]);
      const parameters = [[512, 8], [8, 512]].map((shape) =>
        device.zeros(shape, { trainable: true })
      );
      using optimizer = new AdamW(device, parameters);
      const [a, b] = parameters;
      const y = loraLinear(x, weight, a!, b!, { scaling: 2 });
      const loss = mean(square(sub(y, device.zeros([64, 512]))));
      const found = optimizer.flatten(gradients(loss, parameters));
      const plain = clipScale(loss, Infinity);
      const { steps } = device.planOf([
        loss,
        ...optimizer.update(found, plain),
      ]);
      const labels = steps.map(({ label }) => label);
      assert(steps.length <= 8, labels.join("\n"));
      assertEquals(labels.some((label) => label.includes("concat")), false);
      // The norm and the factor of clipping, without a read-back.
      const norm = gradientNorm(found);
      const updated = optimizer.update(found, clipScale(norm, 1));
      const clipped = device.planOf([loss, norm, ...updated]);
      assert(clipped.steps.length <= 10);
    },
  });

  for (const count of [1, 2]) {
    Deno.test({
      name:
        `${count} parameters that are in their own gradients are updated on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const parameters = Array.from(
          { length: count },
          (_, k) =>
            device.tensor(new Float32Array(64).fill(k + 2), {
              trainable: true,
            }),
        );
        using optimizer = new AdamW(device, parameters);
        // Weight decay by hand: the parameters are parts of one buffer.
        const decayed = parameters.map((parameter) =>
          mul(parameter, parameters[0]!)
        );
        optimizer.advance(0.5);
        const updated = optimizer.update(
          optimizer.flatten(decayed),
          full([], 1),
        );
        device.evaluate(updated);
        // The first step goes by the sign of the gradient.
        for (const [k, parameter] of parameters.entries()) {
          assertClose(await parameter.data(), new Array(64).fill(k + 1.5));
        }
        for (const tensor of [...updated, ...parameters]) tensor.dispose();
      },
    });
  }
}
