import {
  amax,
  argmax,
  cast,
  type HostArray,
  logSumExp,
  stack,
  sub,
  type Tensor,
} from "@wick/core-tensor";
import type { BatchRow, RowNeed } from "./batch_row.ts";
import { type SampledToken, sampleToken } from "./sampling.ts";

const NEEDS: readonly RowNeed[] = ["id", "likeliest", "logits"];

/**
 * Gives what serves all rows of a batch.
 *
 * @param rows The rows.
 * @returns The most that one of them needs.
 */
export function commonNeed(rows: readonly BatchRow[]): RowNeed {
  return NEEDS[Math.max(...rows.map(({ need }) => NEEDS.indexOf(need)))]!;
}

/**
 * Records what is read to choose tokens: as little as is needed, because the
 * logits of a large vocabulary take longer to read than to compute.
 *
 * @param logits The logits, `[batch, vocabulary]`.
 * @param need What is needed.
 * @returns The likeliest tokens, `i32 [batch]`; or these and the logarithms of
 *   their probabilities, `[2, batch]`; or the logits.
 */
export function tokenOutput(logits: Tensor, need: RowNeed): Tensor {
  switch (need) {
    case "id":
      return argmax(logits, -1);
    case "likeliest":
      // A vocabulary has fewer tokens than f32 counts exactly.
      return stack([
        cast(argmax(logits, -1), "f32"),
        sub(amax(logits, -1), logSumExp(logits, -1)),
      ]);
    case "logits":
      return logits;
  }
}

/**
 * Chooses the next token of a row.
 *
 * @param values What {@linkcode tokenOutput} gave.
 * @param need What was asked of it.
 * @param index The number of the row in it.
 * @param batch The rows in it.
 * @param row The row.
 * @returns The token, with its probability where the row wants it.
 */
export function chooseToken(
  values: HostArray,
  need: RowNeed,
  index: number,
  batch: number,
  row: BatchRow,
): SampledToken {
  switch (need) {
    case "id":
      return { id: values[index]!, logProbability: NaN };
    case "likeliest":
      return {
        id: values[index]!,
        logProbability: row.need === "id" ? NaN : values[batch + index]!,
      };
    case "logits": {
      const size = values.length / batch;
      const logits = Float32Array.from(
        values.subarray(index * size, (index + 1) * size),
      );
      const token = sampleToken(logits, row.options, row.history, row.uniform);
      return row.need === "id" ? { ...token, logProbability: NaN } : token;
    }
  }
}
