import type { Device } from "@wick/async-exec";
import {
  add,
  attention,
  embedding,
  layerNorm,
  reshape,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import type { EncoderConfig } from "../config/encoder_config.ts";
import {
  ENCODER_FAMILIES,
  type EncoderLinear,
} from "../config/encoder_families.ts";
import { readEncoderConfig } from "../config/read_encoder_config.ts";
import { loadWeights } from "../decoder/load_weights.ts";
import { activate } from "../modules/activate.ts";
import { Linear } from "../modules/linear.ts";
import { openModelFiles } from "../safetensors/open_model_files.ts";
import { biasedAttention } from "./biased_attention.ts";
import {
  encoderLinearPath,
  encoderWeightShapes,
  RELATIVE_BIAS,
} from "./encoder_weights.ts";
import { relativeBuckets } from "./relative_buckets.ts";

/** Options of {@linkcode TextEncoderModel.load}. */
export interface LoadEncoderOptions {
  /** Called after each weight with how many of how many are loaded. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/** What only the length of a batch decides. */
interface Places {
  /** The rows of the position embedding. */
  readonly positions: Tensor;
  /** The numbers of the keys from 0. */
  readonly keys: Tensor;
  /** The row of the token type. */
  readonly zero: Tensor;
  /** The bucket of each distance, where the family has a bias for it. */
  readonly buckets: Tensor | undefined;
}

/**
 * A text encoder of the BERT family: BERT, RoBERTa, XLM-RoBERTa, MPNet. Each
 * token sees all tokens of its text.
 *
 * ```ts
 * import { TextEncoderModel } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const folder = "testdata/conformance/embeddings/tiny-bert";
 * using model = await TextEncoderModel.load(device, folder);
 * const ids = device.tensor(Int32Array.of(2, 17, 3, 0), { shape: [1, 4] });
 * const lengths = device.tensor(Int32Array.of(3));
 * assertEquals(model.hidden(ids, lengths).shape, [1, 4, 48]);
 * ```
 */
export class TextEncoderModel {
  /** What the model is. */
  readonly config: EncoderConfig;
  /** The device that its weights are on. */
  readonly device: Device;
  /** All weights, by their names in files without a head. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly #places = new Map<number, Places>();

  /**
   * Makes a model of weights that are on a device.
   *
   * @param device The device.
   * @param config What the model is.
   * @param weights The weights that `config` promises.
   */
  constructor(
    device: Device,
    config: EncoderConfig,
    weights: ReadonlyMap<string, Tensor>,
  ) {
    this.device = device;
    this.config = config;
    this.weights = weights;
  }

  /**
   * Loads a model in Hugging Face's format. The pooler and heads for other
   * tasks, which embeddings do not need, stay in the file.
   *
   * @param device Where its weights go.
   * @param folder The folder with `config.json` and the weights.
   * @param options Progress.
   * @returns The model.
   * @throws {FileFormatError} If a file is missing or wrong; the message names
   *   it.
   */
  static async load(
    device: Device,
    folder: string,
    options: LoadEncoderOptions = {},
  ): Promise<TextEncoderModel> {
    const config = await readEncoderConfig(folder);
    using reader = await openModelFiles(folder);
    const shapes = encoderWeightShapes(config);
    const { prefix } = ENCODER_FAMILIES[config.modelType];
    const prefixed = reader.names().some((name) => name.startsWith(prefix));
    const before = prefixed ? prefix : "";
    const named = new Map(
      [...shapes].map(([name, shape]) => [before + name, shape]),
    );
    const weights = await loadWeights(device, reader, named, {
      ...options,
      mayHold: (name) =>
        name.endsWith("embeddings.position_ids") ||
        name.startsWith(`${before}pooler.`) ||
        (prefixed && !name.startsWith(prefix)),
    });
    return new TextEncoderModel(
      device,
      config,
      new Map([...weights].map(
        ([name, weight]) => [name.slice(before.length), weight],
      )),
    );
  }

  /**
   * Records the model.
   *
   * @param ids The tokens, `i32 [batch, length]`; what stands behind a text is
   *   not seen.
   * @param lengths The tokens of each text, `i32 [batch]`.
   * @returns The stream after the last layer, `[batch, length, hiddenSize]`;
   *   rows behind a text mean nothing.
   * @throws {RangeError} If there are more tokens than positions.
   */
  hidden(ids: Tensor, lengths: Tensor): Tensor {
    const { config } = this;
    const length = ids.shape[1]!;
    if (length > config.maxPositions) {
      throw new RangeError(
        `Cannot run ${length} tokens: the model has ${config.maxPositions} positions`,
      );
    }
    const places = this.#placesOf(length);
    const look = (name: string, rows: Tensor): Tensor =>
      embedding(this.#weight(`embeddings.${name}_embeddings.weight`), rows);
    let x = add(look("word", ids), look("position", places.positions));
    if (config.tokenTypes > 0) {
      // All tokens are of the first text.
      x = add(x, look("token_type", places.zero));
    }
    x = this.#norm(x, "embeddings.LayerNorm");
    for (let layer = 0; layer < config.layers; layer++) {
      x = this.#layer(x, layer, lengths, places);
    }
    return x;
  }

  /** Gives the memory of the weights back. */
  [Symbol.dispose](): void {
    for (const weight of this.weights.values()) weight.dispose();
    for (const places of this.#places.values()) {
      for (const tensor of Object.values(places)) tensor?.dispose();
    }
    this.#places.clear();
  }

  #layer(
    x: Tensor,
    layer: number,
    lengths: Tensor,
    places: Places,
  ): Tensor {
    const { config } = this;
    const { heads, headDim, hiddenSize } = config;
    const [batch, length] = [x.shape[0]!, x.shape[1]!];
    const linear = (name: EncoderLinear, input: Tensor): Tensor => {
      const path = encoderLinearPath(config, layer, name);
      return new Linear(
        this.#weight(`${path}.weight`),
        this.#weight(`${path}.bias`),
      ).forward(input);
    };
    const split = (name: EncoderLinear): Tensor =>
      reshape(linear(name, x), [batch, length, heads, headDim]);
    const [q, k, v] = [split("query"), split("key"), split("value")];
    const attended = places.buckets
      ? biasedAttention(q, k, v, {
        lengths,
        positions: places.keys,
        bias: this.#distanceBias(places.buckets),
      })
      : attention(q, k, v, { lengths });
    const prefix = `encoder.layer.${layer}`;
    const { attentionNorm } = ENCODER_FAMILIES[config.modelType];
    const merged = reshape(attended, [batch, length, hiddenSize]);
    const residual = this.#norm(
      add(linear("attentionOutput", merged), x),
      `${prefix}.${attentionNorm}`,
    );
    const inner = activate(
      config.activation,
      linear("intermediate", residual),
    );
    return this.#norm(
      add(linear("output", inner), residual),
      `${prefix}.output.LayerNorm`,
    );
  }

  /** What attention adds to the score of each pair, `[1, heads, query, key]`. */
  #distanceBias(buckets: Tensor): Tensor {
    const table = embedding(this.#weight(RELATIVE_BIAS), buckets);
    return reshape(transpose(table, [2, 0, 1]), [
      ...[1, this.config.heads, ...buckets.shape],
    ]);
  }

  /** The tensors that only the length decides, made once for each. */
  #placesOf(length: number): Places {
    const { config, device } = this;
    const known = this.#places.get(length);
    if (known) return known;
    const count = (first: number): Tensor =>
      device.tensor(Int32Array.from({ length }, (_, i) => first + i));
    const places: Places = {
      positions: count(config.firstPosition),
      keys: count(0),
      zero: device.tensor(Int32Array.of(0)),
      buckets: config.relativeBuckets === 0 ? undefined : device.tensor(
        relativeBuckets(length, config.relativeBuckets),
        { shape: [length, length] },
      ),
    };
    this.#places.set(length, places);
    return places;
  }

  #norm(x: Tensor, path: string): Tensor {
    return layerNorm(
      x,
      this.#weight(`${path}.weight`),
      this.#weight(`${path}.bias`),
      { eps: this.config.normEpsilon },
    );
  }

  #weight(name: string): Tensor {
    return this.weights.get(name)!;
  }
}
