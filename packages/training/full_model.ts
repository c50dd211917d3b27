import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import {
  CausalLanguageModel,
  isSafetensorsDtype,
  type LoadModelOptions,
  narrowed,
  openModelFiles,
  type RawTensor,
  type SafetensorsReader,
  type TensorInfo,
  writeModelFolder,
} from "@wick/models";
import type { Trainable } from "./trainable.ts";

/** Options of {@linkcode FullModel.load}. */
export interface FullModelOptions extends Omit<LoadModelOptions, "trainable"> {
  /** Only the last so many decoder layers are trained; everything if absent. */
  readonly lastLayers?: number;
}

/**
 * A model whose own weights are trained. They are held as `f32`, whatever they
 * are in the files, and take three times that with their optimizer.
 */
export class FullModel implements Trainable {
  /** The model. */
  readonly model: CausalLanguageModel;
  /** The trained weights, by their names in the files. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** No layer drops anything. */
  readonly layers: Trainable["layers"] = new Map();

  private constructor(model: CausalLanguageModel) {
    this.model = model;
    this.parameters = new Map(
      [...model.weights].filter(([, { tracked }]) => tracked),
    );
  }

  /**
   * Loads a model to train its weights.
   *
   * @param device Where they go.
   * @param folder The folder with `config.json` and the weights.
   * @param options Which are trained.
   * @returns The model, which owns all weights.
   * @throws {FileFormatError} If a file is missing or wrong.
   */
  static async load(
    device: Device,
    folder: string,
    { lastLayers, ...options }: FullModelOptions = {},
  ): Promise<FullModel> {
    const model = await CausalLanguageModel.load(device, folder, {
      ...options,
      trainable: (name, layers) => isTrained(name, layers, lastLayers),
    });
    return new FullModel(model);
  }

  /** How many numbers are trained. */
  get parameterCount(): number {
    return [...this.parameters.values()]
      .reduce((count, { size }) => count + size, 0);
  }

  /**
   * Writes the model as a folder in Hugging Face's format, in the types of the
   * files that it came from.
   *
   * @param base The folder that it was loaded from.
   * @param output The folder to write, which is replaced if it is there.
   * @throws {FileFormatError} If a file cannot be read or written.
   * @throws {RangeError} If a weight is more than its type can hold.
   */
  async save(base: string, output: string): Promise<void> {
    using weights = new TrainedReader(await openModelFiles(base), this);
    await writeModelFolder(output, base, weights);
  }

  /** Gives the memory of all weights back. */
  [Symbol.dispose](): void {
    this.model[Symbol.dispose]();
  }
}

function isTrained(
  name: string,
  layers: number,
  lastLayers: number | undefined,
): boolean {
  if (lastLayers === undefined) return true;
  const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
  return layer !== undefined && Number(layer) >= layers - lastLayers;
}

/** The weights of the files, with the trained ones in the place of theirs. */
class TrainedReader implements SafetensorsReader {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: SafetensorsReader;
  readonly #trained: FullModel;

  constructor(source: SafetensorsReader, trained: FullModel) {
    this.path = source.path;
    this.metadata = source.metadata;
    this.#source = source;
    this.#trained = trained;
  }

  names(): string[] {
    return this.#source.names();
  }

  has(name: string): boolean {
    return this.#source.has(name);
  }

  info(name: string): TensorInfo {
    return this.#source.info(name);
  }

  async read(name: string): Promise<RawTensor> {
    const { model, parameters } = this.#trained;
    const isTied = model.config.tieWordEmbeddings && name === "lm_head.weight";
    const tensor = parameters.get(isTied ? "model.embed_tokens.weight" : name);
    const { dtype, shape } = this.info(name);
    if (!tensor || !isSafetensorsDtype(dtype)) {
      return await this.#source.read(name);
    }
    const values = Float32Array.from(await tensor.data());
    return { name, dtype, shape, bytes: narrowed(values, dtype) };
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }
}
