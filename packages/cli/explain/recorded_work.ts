import { argmax, embedding, reshape, type Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { type CausalLanguageModel, KeyValueCache } from "@wick/models";
import {
  AdamW,
  clipScale,
  gradientNorm,
  languageModelLoss,
} from "@wick/training";

/** The kinds of work that can be explained. */
export const WORK_KINDS = ["decode", "prefill", "train"] as const;

/** A kind of work that can be explained. */
export type WorkKind = typeof WORK_KINDS[number];

/** How much work is recorded. */
export interface WorkSize {
  /** The sequences. */
  readonly rows: number;
  /** The tokens of each: of a prompt, of a training row, in the cache. */
  readonly length: number;
  /** The rank of the adapter that a training step trains. */
  readonly rank: number;
}

/**
 * Records a step of a model's work, without running it.
 *
 * @param model The model.
 * @param kind What the step is.
 * @param size How much it does.
 * @param held Takes what must be closed after the work.
 * @returns The tensors to evaluate.
 */
export function recordWork(
  model: CausalLanguageModel,
  kind: WorkKind,
  size: WorkSize,
  held: DisposableStack,
): Tensor[] {
  switch (kind) {
    case "decode":
      return recordDecode(model, size, held);
    case "prefill":
      return recordPrefill(model, size, held);
    case "train":
      return recordTrain(model, size, held);
  }
}

function recordDecode(
  model: CausalLanguageModel,
  { rows, length }: WorkSize,
  held: DisposableStack,
): Tensor[] {
  const { device, config } = model;
  const cache = held.use(
    new KeyValueCache(device, config, { batch: rows, capacity: length }),
  );
  cache.setPositions(new Array<number>(rows).fill(length - 1));
  const ids = held.use(
    device.tensor(new Int32Array(rows), { shape: [rows, 1] }),
  );
  const hidden = model.hidden(ids, { cache });
  const last = reshape(hidden, [rows, config.hiddenSize]);
  return [argmax(model.logits(last), -1)];
}

function recordPrefill(
  model: CausalLanguageModel,
  { rows, length }: WorkSize,
  held: DisposableStack,
): Tensor[] {
  const { device, config } = model;
  const cache = held.use(
    new KeyValueCache(device, config, { batch: rows, capacity: length }),
  );
  const ids = held.use(idsTensor(model, rows, length));
  const hidden = model.hidden(ids, { cache });
  const lasts = Int32Array.from(
    { length: rows },
    (_, row) => (row + 1) * length - 1,
  );
  const last = embedding(
    reshape(hidden, [rows * length, config.hiddenSize]),
    held.use(device.tensor(lasts)),
  );
  return [argmax(model.logits(last), -1)];
}

function recordTrain(
  model: CausalLanguageModel,
  { rows, length, rank }: WorkSize,
  held: DisposableStack,
): Tensor[] {
  const { device } = model;
  const config = loraConfig({ rank, alpha: 2 * rank });
  const adapter = held.use(LoraAdapter.inject(model, config));
  const parameters = [...adapter.parameters.values()];
  const optimizer = held.use(new AdamW(device, parameters));
  const ids = held.use(idsTensor(model, rows, length));
  const nextIds = held.use(idsTensor(model, rows, length));
  const loss = languageModelLoss(model, ids, nextIds, { parameters });
  const flat = optimizer.flatten(gradients(loss, parameters));
  const norm = gradientNorm(flat);
  optimizer.advance(1e-4);
  return [loss, norm, ...optimizer.update(flat, clipScale(norm, 1))];
}

function idsTensor(
  { device, config }: CausalLanguageModel,
  rows: number,
  length: number,
): Tensor {
  const ids = Int32Array.from(
    { length: rows * length },
    (_, i) => (i * 37 + 1) % config.vocabularySize,
  );
  return device.tensor(ids, { shape: [rows, length] });
}
