import { nextTurn } from "@wick/async-exec";
import {
  type CausalLanguageModel,
  DecodeBatch,
  type GeneratedToken,
  TextStream,
  type Tokenizer,
} from "@wick/models";
import { present } from "../arguments.ts";
import { ApiError } from "./api_error.ts";
import type {
  FinishReason,
  GenerationEvent,
  GenerationTask,
} from "./engine.ts";
import { promptIds } from "./prompt_ids.ts";
import type { ServedAdapters } from "./served_adapters.ts";

/** What takes the events of a text, or the error that ends it. */
export interface EventSink {
  /** Takes an event. */
  event(event: GenerationEvent): void;
  /** Takes the error; nothing comes after it. */
  fail(error: unknown): void;
}

/** Options of {@linkcode GenerationLoop}. */
export interface GenerationLoopOptions {
  /** Texts that are made at once. */
  readonly rows: number;
  /** Tokens of a text at most, those of its prompt included. */
  readonly capacity: number;
  /** Texts that may wait for a place. */
  readonly queue: number;
}

/** A text that waits or is being made. */
interface Job {
  readonly task: GenerationTask;
  readonly ids: readonly number[];
  readonly sink: EventSink;
  readonly stream: TextStream;
  completionTokens: number;
}

/**
 * Makes texts in one running batch: what comes joins it at the next step, what
 * ends leaves it. Adapters change when no text is being made; what comes
 * meanwhile waits.
 */
export class GenerationLoop {
  readonly #model: CausalLanguageModel;
  readonly #tokenizer: Tokenizer;
  readonly #adapters: ServedAdapters;
  readonly #options: GenerationLoopOptions;
  readonly #waiting: Job[] = [];
  readonly #running = new Map<number, Job>();
  readonly #changes: (() => void | Promise<void>)[] = [];
  #batch: DecodeBatch | undefined;
  #turning = false;
  #steps = 0;
  #tokens = 0;

  /**
   * Makes a loop that has nothing to do.
   *
   * @param model The model.
   * @param tokenizer Its tokenizer.
   * @param adapters The adapters that tasks may name.
   * @param options How much at once.
   */
  constructor(
    model: CausalLanguageModel,
    tokenizer: Tokenizer,
    adapters: ServedAdapters,
    options: GenerationLoopOptions,
  ) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#adapters = adapters;
    this.#options = options;
  }

  /** What it does now, and what it has done. */
  get counts(): Record<"running" | "waiting" | "steps" | "tokens", number> {
    return {
      running: this.#running.size,
      waiting: this.#waiting.length,
      steps: this.#steps,
      tokens: this.#tokens,
    };
  }

  /**
   * Takes a task.
   *
   * @param task The task.
   * @param sink What takes its events.
   * @returns A function that gives the task up.
   * @throws {ApiError} If the queue is full, or there is no such model.
   * @throws {RangeError} If the prompt does not fit, or an option is wrong.
   */
  add(task: GenerationTask, sink: EventSink): () => void {
    const { rows, queue, capacity } = this.#options;
    this.#adapters.require(task.model);
    const free = rows - this.#running.size;
    if (this.#waiting.length >= queue + free) {
      throw new ApiError(
        429,
        `Cannot take more: ${this.#running.size} texts are being made and ${this.#waiting.length} wait, try again later`,
        { headers: { "retry-after": "1" } },
      );
    }
    const ids = promptIds(this.#model, this.#tokenizer, task.prompt);
    if (ids.length >= capacity) {
      throw new RangeError(
        `Cannot continue a prompt of ${ids.length} tokens: with its continuation it may have ${capacity}`,
      );
    }
    const stream = new TextStream(this.#tokenizer, task.stop);
    const job: Job = { task, ids, sink, stream, completionTokens: 0 };
    this.#waiting.push(job);
    void this.#turn();
    return () => this.#giveUp(job);
  }

  /**
   * Does something while no text is being made.
   *
   * @param change What is done.
   */
  whenIdle(change: () => void | Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#changes.push(async () => {
      try {
        this.#closeBatch();
        await change();
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    void this.#turn();
    return promise;
  }

  /** Gives the memory of the batch back. */
  [Symbol.dispose](): void {
    this.#closeBatch();
  }

  /** Goes on until there is nothing to do; one of these runs at a time. */
  async #turn(): Promise<void> {
    if (this.#turning) return;
    this.#turning = true;
    try {
      // What is added in this turn of the event loop joins together.
      await nextTurn();
      for (;;) {
        while (this.#running.size === 0 && this.#changes.length > 0) {
          await this.#changes.shift()!();
        }
        if (this.#changes.length === 0) this.#admit();
        if (this.#running.size === 0) {
          if (this.#waiting.length > 0) continue;
          return;
        }
        for (const token of await this.#batch!.step()) this.#take(token);
        this.#steps++;
        await nextTurn();
      }
    } catch (error) {
      this.#failAll(error);
    } finally {
      this.#turning = false;
    }
  }

  /** Gives waiting tasks the rows that are free. */
  #admit(): void {
    while (this.#waiting.length > 0) {
      const batch = this.#batch ??= new DecodeBatch(this.#model, this.#options);
      if (batch.free === 0) return;
      const job = this.#waiting.shift()!;
      const { task, ids, sink } = job;
      try {
        const row = batch.add(ids, {
          ...task.sampling,
          seed: task.seed,
          maxNewTokens: task.maxNewTokens ?? this.#options.capacity,
          ...present({ adapter: this.#adapters.adapterOf(task.model) }),
          logProbabilities: task.logProbabilities,
        });
        this.#running.set(row, job);
        sink.event({ kind: "start", promptTokens: ids.length });
      } catch (error) {
        sink.fail(error);
      }
    }
  }

  #take(token: GeneratedToken): void {
    const job = this.#running.get(token.row);
    if (!job) return;
    this.#tokens++;
    job.completionTokens++;
    const { id, logProbability, finish } = token;
    // What stops a text is no part of it.
    const { text, stopped } = finish === "stop"
      ? { text: "", stopped: false }
      : job.stream.push(id);
    const reason: FinishReason | undefined = stopped ? "stop" : finish;
    const rest = reason ? job.stream.flush() : "";
    if (finish !== "stop" || rest !== "") {
      job.sink.event({
        kind: "piece",
        id,
        text: text + rest,
        logProbability,
      });
    }
    if (reason) this.#end(token.row, job, reason);
  }

  #end(row: number, job: Job, reason: FinishReason): void {
    this.#batch?.remove(row);
    this.#running.delete(row);
    const { completionTokens } = job;
    job.sink.event({ kind: "end", reason, completionTokens });
  }

  #giveUp(job: Job): void {
    const place = this.#waiting.indexOf(job);
    if (place >= 0) this.#waiting.splice(place, 1);
    for (const [row, running] of this.#running) {
      if (running !== job) continue;
      this.#batch?.remove(row);
      this.#running.delete(row);
    }
  }

  #failAll(error: unknown): void {
    const jobs = [...this.#running.values(), ...this.#waiting];
    this.#running.clear();
    this.#waiting.length = 0;
    this.#closeBatch();
    for (const { sink } of jobs) sink.fail(error);
  }

  #closeBatch(): void {
    this.#batch?.[Symbol.dispose]();
    this.#batch = undefined;
  }
}
