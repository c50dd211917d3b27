import { Device, DeviceLostError } from "@wick/async-exec";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertRejects } from "@std/assert";
import { requestAdapter } from "../async-exec/request_adapter.ts";
import { webgpuBackend } from "../async-exec/webgpu/webgpu_backend.ts";
import { Trainer, type TrainerOptions, type TrainingState } from "./mod.ts";

const { ignore } = TEST_DEVICES.find(({ name }) => name === "webgpu")!;

async function openGpu(): Promise<{ device: Device; gpu: GPUDevice }> {
  const adapter = await requestAdapter();
  const gpu = await adapter!.requestDevice();
  const backend = await webgpuBackend(gpu, {
    ...{ description: "to be lost", software: true, synchronousRead: true },
    memoryBudget: 2 ** 28,
  });
  return { device: new Device(backend), gpu };
}

async function train(
  device: Device,
  options: TrainerOptions,
): Promise<TrainingState[]> {
  using model = await CausalLanguageModel.load(
    device,
    "testdata/conformance/models/tiny-llama",
  );
  using adapter = LoraAdapter.inject(model, loraConfig({ dropout: 0.1 }));
  const states: TrainingState[] = [];
  const examples = Array.from({ length: 5 }, (_, row) => {
    const ids = Array.from({ length: 9 }, (_, i) => (row * 40 + i * 7) % 320);
    return { ids, labels: ids };
  });
  const trainer = new Trainer(model, adapter, examples, [], {
    ...{ steps: 4, batchSize: 1, saveEvery: 1, learningRate: 1e-2 },
    onSave: (state) => void states.push(state),
    ...options,
  });
  await trainer.run();
  return states;
}

Deno.test({
  name:
    "training whose device is lost goes on from its checkpoint on a new one",
  ignore,
  fn: async () => {
    const [lost, next] = [await openGpu(), await openGpu()];
    const saved: TrainingState[] = [];
    await assertRejects(
      () =>
        train(lost.device, {
          onSave: (state) => void saved.push(state),
          onStep: ({ step }) => step === 3 ? lost.gpu.destroy() : undefined,
        }),
      DeviceLostError,
    );
    const state = saved.at(-1)!;
    assertEquals(state.step, 2);
    using second = next.device;
    const rest = await train(second, { state });
    assertEquals(rest.map(({ step }) => step), [3, 4]);
  },
});
