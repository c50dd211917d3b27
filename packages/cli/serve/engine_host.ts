import { type Device, DeviceLostError, openDevice } from "@wick/async-exec";
import {
  CausalLanguageModel,
  EmbeddingModel,
  FileFormatError,
  loadTokenizer,
} from "@wick/models";
import { ApiError, toApiError } from "./api_error.ts";
import type { ServedModel } from "./engine.ts";
import { GenerationLoop } from "./generation_loop.ts";
import type {
  EmbeddedTexts,
  EngineCommand,
  EngineFailure,
  EngineOptions,
  EngineReply,
} from "./messages.ts";
import { ServedAdapters } from "./served_adapters.ts";

/** What an engine computes with. */
interface Opened {
  readonly device: Device;
  readonly adapters: ServedAdapters;
  readonly loop: GenerationLoop;
  readonly encoder: EmbeddingModel | undefined;
  readonly embeddingName: string | undefined;
}

/**
 * The engine itself, which does what messages say and answers with messages.
 * It is meant to live in a worker, since waiting for a device blocks.
 */
export class EngineHost {
  readonly #reply: (reply: EngineReply) => void;
  readonly #cancels = new Map<number, () => void>();
  #opened: Opened | undefined;

  /**
   * Makes a host that has nothing open.
   *
   * @param reply Sends an answer.
   */
  constructor(reply: (reply: EngineReply) => void) {
    this.#reply = reply;
  }

  /**
   * Does what a message says; what goes wrong is answered.
   *
   * @param command The message.
   */
  async handle(command: EngineCommand): Promise<void> {
    const { id } = command;
    try {
      await this.#do(command);
    } catch (error) {
      this.#fail(id, error);
    }
  }

  async #do(command: EngineCommand): Promise<void> {
    const { id } = command;
    switch (command.kind) {
      case "open": {
        const opened = this.#opened = await open(command.options);
        this.#reply({
          kind: "opened",
          id,
          opened: {
            device: opened.device.description,
            models: modelsOf(opened),
          },
        });
        return;
      }
      case "generate": {
        const giveUp = this.#require().loop.add(command.task, {
          event: (event) => {
            if (event.kind === "end") this.#cancels.delete(id);
            this.#reply({ kind: "event", id, event });
          },
          fail: (error) => this.#fail(id, error),
        });
        this.#cancels.set(id, giveUp);
        return;
      }
      case "cancel":
        this.#cancels.get(id)?.();
        this.#cancels.delete(id);
        return;
      case "embed": {
        const embedded = await embed(this.#require(), command.texts);
        this.#reply({ kind: "embedded", id, embedded });
        return;
      }
      case "load": {
        const { loop, adapters } = this.#require();
        const { name, folder } = command;
        await loop.whenIdle(() => adapters.load(name, folder));
        this.#reply({ kind: "models", id, models: modelsOf(this.#require()) });
        return;
      }
      case "unload": {
        const { loop, adapters } = this.#require();
        await loop.whenIdle(() => adapters.unload(command.name));
        this.#reply({ kind: "models", id, models: modelsOf(this.#require()) });
        return;
      }
      case "statistics": {
        const { loop, device } = this.#require();
        const deviceBytes = device.backend.statistics().bytes;
        const statistics = { ...loop.counts, deviceBytes };
        this.#reply({ kind: "statistics", id, statistics });
        return;
      }
    }
  }

  #require(): Opened {
    if (this.#opened) return this.#opened;
    throw new ApiError(503, "Cannot answer yet: the model is being loaded");
  }

  #fail(id: number, error: unknown): void {
    this.#cancels.delete(id);
    this.#reply({ kind: "failed", id, failure: failureOf(error) });
  }
}

async function open(options: EngineOptions): Promise<Opened> {
  const device = await openDevice({
    ...(options.device && { device: options.device }),
    announce: false,
  });
  const tokenizer = await loadTokenizer(options.model);
  const model = await CausalLanguageModel.load(
    device,
    options.model,
    options.load,
  );
  const { maxPositions } = model.config;
  const adapters = new ServedAdapters(model, options.name);
  const loop = new GenerationLoop(model, tokenizer, adapters, {
    ...options,
    capacity: Math.min(options.capacity, maxPositions),
  });
  for (const [name, folder] of Object.entries(options.adapters)) {
    await adapters.load(name, folder);
  }
  const folder = options.embeddingModel;
  const encoder = folder === undefined
    ? undefined
    : await EmbeddingModel.load(device, folder);
  const embeddingName = folder?.replace(/\/+$/, "").split("/").at(-1);
  return { device, adapters, loop, encoder, embeddingName };
}

function modelsOf({ adapters, embeddingName }: Opened): ServedModel[] {
  return embeddingName === undefined
    ? adapters.models
    : [...adapters.models, { name: embeddingName, kind: "embedding" }];
}

async function embed(
  { encoder }: Opened,
  texts: readonly string[],
): Promise<EmbeddedTexts> {
  if (!encoder) {
    throw new ApiError(404, "Cannot embed: there is no text encoder");
  }
  const vectors = await encoder.encode(texts);
  const tokens = texts.reduce(
    (total, text) => total + encoder.tokenizer.encode(text).length,
    0,
  );
  return { vectors, tokens };
}

function failureOf(error: unknown): EngineFailure {
  if (error instanceof DeviceLostError) {
    const { message } = error;
    return { status: 503, message, param: null, broken: true };
  }
  // A file that is wrong is what was asked for.
  const { status, message, param } = error instanceof FileFormatError
    ? new ApiError(400, error.message)
    : toApiError(error);
  const detail = status === 500 && error instanceof Error
    ? `${error.name}: ${error.message}`
    : message;
  return { status, message: detail, param, broken: false };
}
