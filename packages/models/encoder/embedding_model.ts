import { type Device, nextTurn } from "@wick/async-exec";
import { loadTokenizer } from "../tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { normalized, pool, type Pooling } from "./pooling.ts";
import { readEmbeddingSettings } from "./read_embedding_settings.ts";
import {
  type LoadEncoderOptions,
  TextEncoderModel,
} from "./text_encoder_model.ts";

/** Options of {@linkcode EmbeddingModel.load}. */
export interface LoadEmbeddingOptions extends LoadEncoderOptions {
  /** How the vectors of the tokens become one; what the folder says if absent. */
  readonly pooling?: Pooling;
  /** What stands before a query; what the folder says if absent. */
  readonly queryPrefix?: string;
  /** What stands before a passage; what the folder says if absent. */
  readonly passagePrefix?: string;
}

/** Options of {@linkcode EmbeddingModel.encode}. */
export interface EncodeTextsOptions {
  /** Which prefix the texts get; none if absent. */
  readonly as?: "query" | "passage";
  /** Whether vectors get the length 1, so that a product is the cosine; yes. */
  readonly normalize?: boolean;
  /** The texts run at once; 32 if absent. */
  readonly batchSize?: number;
  /** Stops between two batches when it aborts. */
  readonly signal?: AbortSignal;
  /** Called after each batch with how many of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called for each text that is longer than the model takes, and is cut. */
  readonly onCut?: (index: number, tokens: number) => void;
}

// A shape that is new is planned and compiled, so shapes are few.
const ROUND = 16;

/**
 * Turns texts into vectors that lie near each other where the texts mean
 * alike: MiniLM, E5, MPNet and other text encoders.
 *
 * ```ts
 * import { cosine, EmbeddingModel } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const folder = "testdata/conformance/embeddings/tiny-bert";
 * using model = await EmbeddingModel.load(device, folder);
 * const [a, b] = await model.encode(["The quick river", "the quick RIVER"]);
 * assertAlmostEquals(cosine(a!, b!), 1, 1e-6); // this one is uncased
 * ```
 */
export class EmbeddingModel {
  /** What computes the vectors of the tokens. */
  readonly encoder: TextEncoderModel;
  /** Its tokenizer. */
  readonly tokenizer: Tokenizer;
  /** How the vectors of the tokens become one. */
  readonly pooling: Pooling;
  /** The longest text in tokens, special ones included. */
  readonly maxLength: number;
  readonly #prefixes: Readonly<Record<"query" | "passage", string>>;

  private constructor(
    encoder: TextEncoderModel,
    tokenizer: Tokenizer,
    { pooling, maxLength, queryPrefix, passagePrefix }: {
      readonly pooling: Pooling;
      readonly maxLength: number;
      readonly queryPrefix: string;
      readonly passagePrefix: string;
    },
  ) {
    this.encoder = encoder;
    this.tokenizer = tokenizer;
    this.pooling = pooling;
    this.maxLength = maxLength;
    this.#prefixes = { query: queryPrefix, passage: passagePrefix };
  }

  /** The numbers of a vector. */
  get dimensions(): number {
    return this.encoder.config.hiddenSize;
  }

  /**
   * Loads a text encoder in Hugging Face's format, with what sentence-transformers
   * puts beside it where that is there.
   *
   * @param device Where its weights go.
   * @param folder The folder with `config.json`, the weights and the tokenizer.
   * @param options Prefixes, pooling, progress.
   * @returns The model.
   * @throws {FileFormatError} If a file is missing or wrong; the message names
   *   it.
   */
  static async load(
    device: Device,
    folder: string,
    options: LoadEmbeddingOptions = {},
  ): Promise<EmbeddingModel> {
    const settings = await readEmbeddingSettings(folder);
    const tokenizer = await loadTokenizer(folder);
    const encoder = await TextEncoderModel.load(device, folder, options);
    const { maxPositions } = encoder.config;
    return new EmbeddingModel(encoder, tokenizer, {
      pooling: options.pooling ?? settings.pooling,
      maxLength: Math.min(settings.maxLength ?? maxPositions, maxPositions),
      queryPrefix: options.queryPrefix ?? settings.queryPrefix,
      passagePrefix: options.passagePrefix ?? settings.passagePrefix,
    });
  }

  /**
   * Turns texts into vectors. Texts of like length run together, whatever their
   * order.
   *
   * @param texts The texts; one that is longer than `maxLength` is cut.
   * @param options Prefix, length and batches.
   * @returns A vector of `dimensions` numbers for each text, in their order.
   * @throws {RangeError} If the batch size is not positive.
   */
  async encode(
    texts: readonly string[],
    options: EncodeTextsOptions = {},
  ): Promise<Float32Array[]> {
    const { batchSize = 32, signal, onProgress } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new RangeError(
        `Cannot encode ${batchSize} texts at once: it must be at least 1`,
      );
    }
    const rows = texts.map((text, index) => this.#tokens(text, index, options));
    const order = [...rows.keys()]
      .sort((a, b) => rows[b]!.length - rows[a]!.length || a - b);
    const vectors: Float32Array[] = [];
    for (let start = 0; start < order.length; start += batchSize) {
      signal?.throwIfAborted();
      const part = order.slice(start, start + batchSize);
      const made = await this.#run(
        part.map((index) => rows[index]!),
        options.normalize ?? true,
      );
      part.forEach((index, row) => vectors[index] = made[row]!);
      onProgress?.(start + part.length, order.length);
      await nextTurn();
    }
    return vectors;
  }

  /** Gives the memory of the weights back. */
  [Symbol.dispose](): void {
    this.encoder[Symbol.dispose]();
  }

  #tokens(
    text: string,
    index: number,
    { as, onCut }: EncodeTextsOptions,
  ): number[] {
    const ids = this.tokenizer.encode((as ? this.#prefixes[as] : "") + text);
    if (ids.length <= this.maxLength) {
      return ids.length > 0 ? ids : [this.encoder.config.padTokenId];
    }
    onCut?.(index, ids.length);
    // The token that ends a text stays.
    return [...ids.slice(0, this.maxLength - 1), ids.at(-1)!];
  }

  /** Runs texts as one batch. */
  async #run(
    rows: readonly (readonly number[])[],
    normalize: boolean,
  ): Promise<Float32Array[]> {
    const { device, config } = this.encoder;
    const longest = Math.max(...rows.map((row) => row.length));
    const length = Math.min(
      Math.ceil(longest / ROUND) * ROUND,
      config.maxPositions,
    );
    const shape = [rows.length, length];
    const ids = new Int32Array(rows.length * length).fill(config.padTokenId);
    const shares = new Float32Array(rows.length * length);
    rows.forEach((row, index) => {
      const start = index * length;
      ids.set(row, start);
      shares.fill(1 / row.length, start, start + row.length);
    });
    using known = new DisposableStack();
    const hidden = this.encoder.hidden(
      known.use(device.tensor(ids, { shape })),
      known.use(device.tensor(Int32Array.from(rows, ({ length }) => length))),
    );
    const pooled = pool(
      this.pooling,
      hidden,
      known.use(device.tensor(shares, { shape })),
    );
    const result = known.use(normalize ? normalized(pooled) : pooled);
    const values = Float32Array.from(await result.data());
    const { dimensions } = this;
    return rows.map((_, index) =>
      values.slice(index * dimensions, (index + 1) * dimensions)
    );
  }
}
