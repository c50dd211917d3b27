import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import { CausalLanguageModel, generate, joinPath } from "@wick/models";
import type { ConformanceCase } from "./case_result.ts";
import {
  type Bound,
  type Difference,
  elementDifference,
  shapeDifference,
} from "./difference.ts";
import { GoldenFile, rowsOf } from "./golden_file.ts";
import { subfolders } from "./subfolders.ts";

/** How far logits may be from the wanted ones. */
export const LOGITS_BOUND: Bound = { rtol: 2e-3, atol: 2e-3 };

/**
 * Lists the models: logits, the stream after the first layer, greedy tokens.
 *
 * @param folder The golden folder.
 * @param device What computes.
 * @returns The cases, by name.
 */
export async function modelCases(
  folder: string,
  device: Device,
): Promise<ConformanceCase[]> {
  const path = joinPath(folder, "models");
  return (await subfolders(path)).map((name): ConformanceCase => ({
    kind: "models",
    name,
    run: () => runModel(joinPath(path, name), device),
  }));
}

async function runModel(
  folder: string,
  device: Device,
): Promise<Difference[]> {
  const golden = await GoldenFile.read(
    joinPath(folder, "expected.safetensors"),
  );
  using model = await CausalLanguageModel.load(device, folder);
  using ids = golden.upload(device, "input_ids");
  return [
    ...await tensorDifferences("logits", logitsOf(model, ids), golden),
    ...await tensorDifferences(
      "hidden_after_layer_1",
      model.hidden(ids, { layers: 1 }),
      golden,
    ),
    await greedyDifference(model, golden),
  ];
}

/**
 * Records all logits of a model.
 *
 * @param model The model.
 * @param ids The tokens, `[batch, length]`.
 * @returns The logits, `[batch, length, vocabulary]`.
 */
export function logitsOf(model: CausalLanguageModel, ids: Tensor): Tensor {
  return model.logits(model.hidden(ids));
}

/**
 * Compares a recorded tensor with the golden one within the bound of logits.
 *
 * @param name The name in the golden file.
 * @param recorded The tensor; it is disposed of.
 * @param golden The golden file.
 * @returns The differences.
 */
export async function tensorDifferences(
  name: string,
  recorded: Tensor,
  golden: GoldenFile,
): Promise<Difference[]> {
  using tensor = recorded;
  const want = golden.get(name);
  const got = await tensor.data();
  return [
    ...shapeDifference(name, tensor.shape, want.shape),
    elementDifference(name, got, want.values, LOGITS_BOUND),
  ];
}

async function greedyDifference(
  model: CausalLanguageModel,
  golden: GoldenFile,
): Promise<Difference> {
  const prompts = rowsOf(golden.get("prompt_ids"));
  const want = golden.get("greedy_ids");
  const maxNewTokens = (want.shape.at(-1) ?? 0) - (prompts[0]?.length ?? 0);
  const rows = prompts.map((prompt) => [...prompt]);
  const tokens = generate(model, prompts, { maxNewTokens, stopTokenIds: [] });
  for await (const { row, id } of tokens) rows[row]!.push(id);
  return elementDifference("greedy_ids", rows.flat(), want.values, {
    rtol: 0,
    atol: 0,
  });
}
