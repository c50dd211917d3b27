// Gradients are recorded with the same operations: there is no tape. A line is
// fitted to points by going against them.
//
//   deno run -A examples/02_gradients.ts
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import { gradients } from "@wick/graph";

using device = await openDevice();
const x = device.tensor([0, 1, 2, 3, 4]);
const y = device.tensor([1, 3, 5, 7, 9]); // 2·x + 1

let slope = device.tensor([0], { trainable: true });
let offset = device.tensor([0], { trainable: true });
for (let step = 0; step <= 200; step++) {
  const error = x.mul(slope).add(offset).sub(y);
  const loss = error.square().mean();
  const [bySlope, byOffset] = gradients(loss, [slope, offset]);
  if (step % 50 === 0) {
    console.log(`step ${step}: loss ${(await loss.item()).toFixed(6)}`);
  }
  // New values from old ones; evaluated, they are operands of the next step.
  const next = [slope.sub(bySlope!.mul(0.1)), offset.sub(byOffset!.mul(0.1))];
  const [newSlope, newOffset] = [await next[0]!.data(), await next[1]!.data()];
  slope = device.tensor(newSlope, { trainable: true });
  offset = device.tensor(newOffset, { trainable: true });
}
const [a, b] = [await slope.item(), await offset.item()];
console.log(`y = ${a.toFixed(3)}·x + ${b.toFixed(3)}`);

// A gradient can be differentiated again: d²(x³)/dx² = 6·x.
const z = device.tensor([1, 2, 3], { trainable: true });
const [first] = gradients(z.mul(z).mul(z).sum(), [z]);
const [second] = gradients(first!.sum(), [z]);
console.log("second derivative of x³ at 1, 2, 3:", [...await second!.data()]);
