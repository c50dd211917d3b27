// Operations record, and nothing runs until somebody asks for numbers. Then all
// of it is one plan, with element-wise work inside the kernels beside it.
//
//   deno run -A examples/01_lazy_tensors.ts
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import { matmul, silu, softmax } from "@wick/core-tensor";

using device = await openDevice(); // a GPU, else the CPU; WICK_DEVICE decides
const x = device.tensor([[1, 2, 3], [4, 5, 6]]);
const w = device.tensor([[0.5, -1], [1, 0.25], [-0.5, 1]]);

// Functions and methods are the same; shapes and types are checked at once.
const scores = silu(matmul(x, w)).mul(2).add(1);
const shares = softmax(scores);
console.log(`recorded ${shares.shape.join(" x ")}, known: ${shares.known}`);

// What will run: two kernels for five operations.
console.log(device.explain([shares]));

// Asking evaluates. Reading is the only thing that waits.
console.log(
  "shares",
  [...await shares.data()].map((value) => value.toFixed(4)),
);

// A plan of a structure that was seen before is not made again.
const again = softmax(silu(matmul(x.mul(-1), w)).mul(2).add(1));
console.log("again", [...await again.data()].map((value) => value.toFixed(4)));

// A step that is run often is captured once, and replayed on new numbers.
using input = device.tensor([1, 2, 3]);
using squares = input.mul(input);
using step = device.capture([squares]);
for (const numbers of [[1, 2, 3], [4, 5, 6]]) {
  device.write(input, numbers);
  step.run();
  console.log(`squares of ${numbers}: ${await squares.data()}`);
}
