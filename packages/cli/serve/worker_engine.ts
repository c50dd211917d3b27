import { terminateWorker } from "@wick/async-exec";
import { ApiError } from "./api_error.ts";
import type {
  Engine,
  EngineStatistics,
  GenerationEvent,
  GenerationTask,
  ServedModel,
} from "./engine.ts";
import type {
  EmbeddedTexts,
  EngineCommand,
  EngineFailure,
  EngineOptions,
  EngineReply,
} from "./messages.ts";

type Take = (reply: EngineReply) => void;

/** An engine in a worker: the event loop of this thread stays live. */
export class WorkerEngine implements Engine {
  /** What computes, for people. */
  readonly device: string;
  readonly broken: Promise<Error>;
  readonly #connection: Connection;
  #models: readonly ServedModel[];

  private constructor(
    connection: Connection,
    device: string,
    models: readonly ServedModel[],
  ) {
    this.#connection = connection;
    this.device = device;
    this.broken = connection.broken;
    this.#models = models;
  }

  /**
   * Starts the worker and loads the models.
   *
   * @param options What is served, and how much at once.
   * @returns The engine.
   * @throws {ApiError} If something cannot be loaded; the message says what.
   */
  static async open(options: EngineOptions): Promise<WorkerEngine> {
    const connection = new Connection();
    try {
      const reply = await connection.ask({ kind: "open", options });
      if (reply.kind !== "opened") throw unexpected(reply);
      const { device, models } = reply.opened;
      return new WorkerEngine(connection, device, models);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The models that requests may name. */
  models(): readonly ServedModel[] {
    return this.#models;
  }

  /** Makes a text. */
  async *generate(
    task: GenerationTask,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent> {
    signal.throwIfAborted();
    const replies: EngineReply[] = [];
    let wake = (): void => {};
    const id = this.#connection.send({ kind: "generate", task }, (reply) => {
      replies.push(reply);
      wake();
    });
    const abort = (): void => wake();
    signal.addEventListener("abort", abort, { once: true });
    let ended = false;
    try {
      for (;;) {
        signal.throwIfAborted();
        const reply = replies.shift();
        if (!reply) {
          await new Promise<void>((resolve) => wake = resolve);
          continue;
        }
        if (reply.kind !== "event") throw unexpected(reply);
        ended = reply.event.kind === "end";
        yield reply.event;
        if (ended) return;
      }
    } finally {
      signal.removeEventListener("abort", abort);
      this.#connection.forget(id, { cancel: !ended });
    }
  }

  /** Gives the vectors of texts. */
  async embed(
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<EmbeddedTexts> {
    signal.throwIfAborted();
    const reply = await this.#connection.ask({ kind: "embed", texts });
    if (reply.kind !== "embedded") throw unexpected(reply);
    return reply.embedded;
  }

  /** Loads an adapter under a name. */
  async load(name: string, folder: string): Promise<void> {
    this.#setModels(await this.#connection.ask({ kind: "load", name, folder }));
  }

  /** Forgets an adapter. */
  async unload(name: string): Promise<void> {
    this.#setModels(await this.#connection.ask({ kind: "unload", name }));
  }

  /** Gives numbers about what it does. */
  async statistics(): Promise<EngineStatistics> {
    const reply = await this.#connection.ask({ kind: "statistics" });
    if (reply.kind !== "statistics") throw unexpected(reply);
    return reply.statistics;
  }

  /** Ends the worker. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  #setModels(reply: EngineReply): void {
    if (reply.kind !== "models") throw unexpected(reply);
    this.#models = reply.models;
  }
}

type WithoutId<Command> = Command extends unknown ? Omit<Command, "id"> : never;

/** The worker, and who waits for which of its answers. */
class Connection {
  readonly broken: Promise<Error>;
  readonly #break: (error: Error) => void;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #takes = new Map<number, Take>();
  #lastId = 0;
  #failure: EngineFailure | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.broken = promise;
    this.#break = resolve;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(new URL("./engine_worker.ts", import.meta.url), {
      type: "module",
      name: "wick serve",
    });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail({
        status: 503,
        message: `Cannot answer: the engine ended, ${event.message}`,
        param: null,
        broken: true,
      });
    };
    port1.onmessage = ({ data }) => this.#take(data);
    this.#worker.postMessage(undefined, [port2]);
  }

  send(command: WithoutId<EngineCommand>, take: Take): number {
    const id = ++this.#lastId;
    this.#takes.set(id, take);
    if (this.#failure) {
      const failure = this.#failure;
      queueMicrotask(() => take({ kind: "failed", id, failure }));
    } else this.#port.postMessage({ ...command, id });
    return id;
  }

  async ask(command: WithoutId<EngineCommand>): Promise<EngineReply> {
    const { promise, resolve } = Promise.withResolvers<EngineReply>();
    const id = this.send(command, resolve);
    const reply = await promise;
    this.forget(id, { cancel: false });
    if (reply.kind === "failed") throw unexpected(reply);
    return reply;
  }

  forget(id: number, { cancel }: { readonly cancel: boolean }): void {
    this.#takes.delete(id);
    if (cancel && !this.#failure) {
      this.#port.postMessage({ kind: "cancel", id });
    }
  }

  close(): void {
    this.#port.close();
    terminateWorker(this.#worker);
  }

  #take(reply: EngineReply): void {
    this.#takes.get(reply.id)?.(reply);
    if (reply.kind === "failed" && reply.failure.broken) {
      this.#fail(reply.failure);
    }
  }

  /** Answers all that wait, and all that will, with the failure. */
  #fail(failure: EngineFailure): void {
    if (this.#failure) return;
    this.#failure = failure;
    for (const [id, take] of this.#takes) take({ kind: "failed", id, failure });
    this.#break(new Error(failure.message));
  }
}

/** The error of an answer that is not the one that was waited for. */
function unexpected(reply: EngineReply): Error {
  if (reply.kind !== "failed") {
    return new TypeError(`Cannot answer: the engine sent "${reply.kind}"`);
  }
  const { status, message, param } = reply.failure;
  if (status === 500) return new Error(message);
  return new ApiError(status, message, {
    ...(param !== null && { param }),
    ...(status === 429 && { headers: { "retry-after": "1" } }),
  });
}
