import type { Device } from "@wick/async-exec";
import { loadPeftAdapter, type LoraAdapter } from "@wick/lora";
import { CausalLanguageModel, joinPath } from "@wick/models";
import {
  AdamW,
  languageModelLoss,
  learningRateAt,
  shiftLabels,
  trainStep,
} from "@wick/training";
import type { ConformanceCase } from "./case_result.ts";
import {
  type Difference,
  elementDifference,
  normDifference,
} from "./difference.ts";
import { GoldenFile, type GoldenTensor } from "./golden_file.ts";
import { readTrainingRun, type TrainingRun } from "./training_run.ts";
import { subfolders } from "./subfolders.ts";

const LOSS_BOUND = 1e-3;
const NORM_BOUND = 5e-3;
const LEARNING_RATE_BOUND = 1e-6;
const WEIGHT_BOUND = 1e-2;

/**
 * Lists the training runs, in folders named `MODEL--CASE`: loss, gradient norm
 * and learning rate of every step, and the adapter at the end.
 *
 * @param folder The golden folder.
 * @param device What computes.
 * @returns The cases, by name.
 */
export async function trainingCases(
  folder: string,
  device: Device,
): Promise<ConformanceCase[]> {
  return (await subfolders(joinPath(folder, "training")))
    .map((name): ConformanceCase => ({
      kind: "training",
      name,
      run: () =>
        runTraining(folder, joinPath(folder, `training/${name}`), device),
    }));
}

async function runTraining(
  folder: string,
  path: string,
  device: Device,
): Promise<Difference[]> {
  const run = await readTrainingRun(joinPath(path, "run.json"));
  const batches = await GoldenFile.read(joinPath(path, "batches.safetensors"));
  using model = await CausalLanguageModel.load(
    device,
    joinPath(folder, run.model),
  );
  using adapter = await loadPeftAdapter(
    model,
    joinPath(path, "initial_adapter"),
    { trainable: true },
  );
  const found = await train(run, batches, model, adapter);
  const curve = (name: string, got: number[], want: number[], rtol: number) =>
    elementDifference(name, got, want, { rtol, atol: 0 });
  return [
    curve("losses", found.losses, run.losses, LOSS_BOUND),
    curve("gradient norms", found.norms, run.gradientNorms, NORM_BOUND),
    curve(
      "learning rates",
      found.learningRates,
      run.learningRates,
      LEARNING_RATE_BOUND,
    ),
    ...await weightDifferences(adapter, joinPath(path, "final_adapter")),
  ];
}

interface Curves {
  readonly losses: number[];
  readonly norms: number[];
  readonly learningRates: number[];
}

async function train(
  run: TrainingRun,
  batches: GoldenFile,
  model: CausalLanguageModel,
  adapter: LoraAdapter,
): Promise<Curves> {
  const { device } = model;
  const parameters = [...adapter.parameters.values()];
  using optimizer = new AdamW(device, parameters, run.optimizer);
  const [inputs, labels] = [batches.get("input_ids"), batches.get("labels")];
  const curves: Curves = { losses: [], norms: [], learningRates: [] };
  for (let step = 0; step < run.schedule.steps; step++) {
    const learningRate = learningRateAt(run.schedule, step);
    using held = new DisposableStack();
    const losses = Array.from({ length: run.gradientAccumulation }, (_, i) => {
      const index = step * run.gradientAccumulation + i;
      const ids = held.use(microBatch(device, inputs, index));
      const next = held.use(microBatch(device, labels, index, shiftLabels));
      return () => languageModelLoss(model, ids, next);
    });
    const { loss, gradientNorm } = await trainStep({
      device,
      parameters,
      optimizer,
      learningRate,
      maxGradientNorm: run.maxGradientNorm,
      losses,
    });
    curves.losses.push(loss);
    curves.norms.push(gradientNorm);
    curves.learningRates.push(learningRate);
  }
  return curves;
}

function microBatch(
  device: Device,
  { shape, values }: GoldenTensor,
  index: number,
  change: (ids: Int32Array, length: number) => Int32Array = (ids) => ids,
) {
  const [count = 0, rows = 0, length = 0] = shape;
  const size = rows * length;
  if (index >= count) {
    throw new RangeError(
      `Cannot train on micro-batch ${index}: there are ${count}`,
    );
  }
  const ids = Int32Array.from(
    values.subarray(index * size, (index + 1) * size),
  );
  return device.tensor(change(ids, length), { shape: [rows, length] });
}

/** Compares A and B with the files', which lie transposed. */
async function weightDifferences(
  adapter: LoraAdapter,
  folder: string,
): Promise<Difference[]> {
  const golden = await GoldenFile.read(
    joinPath(folder, "adapter_model.safetensors"),
  );
  const parameters = adapter.parameters;
  const differences: Difference[] = [];
  for (const name of golden.names) {
    const tensor = parameters.get(name.replace(/^base_model\.model\./, ""));
    if (!tensor) {
      throw new RangeError(`Cannot compare ${name}: it is not trained`);
    }
    const want = golden.get(name);
    const [rows = 0, columns = 0] = want.shape;
    const got = await tensor.data();
    const turned = want.values.map((_, i) =>
      got[(i % columns) * rows + Math.floor(i / columns)] ?? NaN
    );
    differences.push(normDifference(name, turned, want.values, WEIGHT_BOUND));
  }
  return differences;
}
