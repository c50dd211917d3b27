import { DeviceMemoryError, openDevice } from "@wick/async-exec";
import { CausalLanguageModel } from "@wick/models";
import { TEST_DEVICES } from "@wick/testing";
import { assert, assertRejects } from "@std/assert";

const FOLDER = "examples/tickets/base-model";
const { ignore } = TEST_DEVICES.find(({ name }) => name === "webgpu")!;

Deno.test({
  name: "a quantized model fits where its floats do not",
  ignore,
  fn: async () => {
    // The model has 1.74 MB in f16 and 0.75 in 4 bits.
    const memoryBudget = 1.25 * 2 ** 20;
    using device = await openDevice({
      device: "webgpu",
      announce: false,
      memoryBudget,
    });
    await assertRejects(
      () => CausalLanguageModel.load(device, FOLDER),
      DeviceMemoryError,
      "allowed bytes are in use",
    );
    using model = await CausalLanguageModel.load(device, FOLDER, {
      quantize: { bits: 4, groupSize: 64 },
    });
    const { bytesInUse, peakBytes } = device.statistics();
    assert(bytesInUse < 0.5 * 1739008 + model.weights.size * 256);
    assert(peakBytes <= memoryBudget);
  },
});
