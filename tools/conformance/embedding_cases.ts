import type { Device } from "@wick/async-exec";
import {
  EmbeddingModel,
  FileFormatError,
  joinPath,
  readJsonObject,
} from "@wick/models";
import type { ConformanceCase } from "./case_result.ts";
import {
  type Bound,
  type Difference,
  elementDifference,
  shapeDifference,
} from "./difference.ts";
import { GoldenFile, type GoldenTensor, rowsOf } from "./golden_file.ts";
import { subfolders } from "./subfolders.ts";

const BOUND: Bound = { rtol: 0, atol: 2e-3 };
const EXACT: Bound = { rtol: 0, atol: 0 };

/**
 * Lists the text encoders: the tokens of sentences, the last hidden states and
 * the pooled vectors.
 *
 * @param folder The golden folder.
 * @param device What computes.
 * @returns The cases, by name.
 */
export async function embeddingCases(
  folder: string,
  device: Device,
): Promise<ConformanceCase[]> {
  const path = joinPath(folder, "embeddings");
  return (await subfolders(path)).map((name): ConformanceCase => ({
    kind: "embeddings",
    name,
    run: () => runEncoder(joinPath(path, name), device),
  }));
}

async function runEncoder(
  folder: string,
  device: Device,
): Promise<Difference[]> {
  const golden = await GoldenFile.read(
    joinPath(folder, "expected.safetensors"),
  );
  const sentences = await readSentences(joinPath(folder, "sentences.json"));
  using model = await EmbeddingModel.load(device, folder);
  const lengths = lengthsOf(golden.get("attention_mask"));
  const vectors = await model.encode(sentences);
  const wantedVectors = golden.get("mean_pooled_normalized");
  return [
    tokenDifference(model, sentences, golden.get("input_ids"), lengths),
    ...await hiddenDifferences(model, golden, lengths),
    ...shapeDifference("mean_pooled_normalized", [
      ...[vectors.length, model.dimensions],
    ], wantedVectors.shape),
    elementDifference(
      "mean_pooled_normalized",
      vectors.flatMap((vector) => [...vector]),
      wantedVectors.values,
      BOUND,
    ),
  ];
}

async function readSentences(path: string): Promise<string[]> {
  const { sentences } = await readJsonObject(path);
  if (
    !Array.isArray(sentences) ||
    sentences.some((sentence) => typeof sentence !== "string")
  ) throw new FileFormatError(path, 'its "sentences" are no list of texts');
  return sentences;
}

/** The tokens of each text: only what stands behind it may be masked. */
function lengthsOf(mask: GoldenTensor): number[] {
  return rowsOf(mask).map((row, index) => {
    const length = row.filter((seen) => seen !== 0).length;
    if (row.slice(0, length).includes(0)) {
      throw new RangeError(
        `Cannot mask text ${index} but behind its last token`,
      );
    }
    return length;
  });
}

function tokenDifference(
  model: EmbeddingModel,
  sentences: readonly string[],
  ids: GoldenTensor,
  lengths: readonly number[],
): Difference {
  const want = rowsOf(ids).flatMap((row, i) => row.slice(0, lengths[i]));
  const got = sentences.flatMap((text) => model.tokenizer.encode(text));
  return elementDifference("input_ids", got, want, EXACT);
}

/** Compares the states of the tokens that are not masked. */
async function hiddenDifferences(
  { encoder }: EmbeddingModel,
  golden: GoldenFile,
  lengths: readonly number[],
): Promise<Difference[]> {
  const { device } = encoder;
  const name = "last_hidden_state";
  const want = golden.get(name);
  using ids = golden.upload(device, "input_ids");
  using counts = device.tensor(Int32Array.from(lengths));
  using hidden = encoder.hidden(ids, counts);
  const got = await hidden.data();
  const [, length = 0, width = 0] = want.shape;
  const seen = (values: ArrayLike<number>): number[] =>
    Array.from(values).filter((_, i) => {
      const row = Math.floor(i / width);
      return row % length < lengths[Math.floor(row / length)]!;
    });
  return [
    ...shapeDifference(name, hidden.shape, want.shape),
    elementDifference(name, seen(got), seen(want.values), BOUND),
  ];
}
