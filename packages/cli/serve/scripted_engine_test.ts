import { ApiError } from "./api_error.ts";
import type {
  Engine,
  GenerationEvent,
  GenerationTask,
  ServedModel,
} from "./engine.ts";

/** An engine for tests of the server's face: it says its prompt backwards. */
export class ScriptedEngine implements Engine {
  /** The tasks that it was given. */
  readonly tasks: GenerationTask[] = [];
  /** How many texts were left before their end. */
  left = 0;
  /** Never settles. */
  readonly broken = new Promise<Error>(() => {});
  /** Milliseconds between two pieces. */
  pause = 0;
  readonly #models: ServedModel[] = [
    { name: "base", kind: "base" },
    { name: "vectors", kind: "embedding" },
  ];

  models(): readonly ServedModel[] {
    return this.#models;
  }

  async *generate(
    task: GenerationTask,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent> {
    this.tasks.push(task);
    if (task.model === "full") throw new ApiError(429, "Cannot take more");
    const text = textOf(task);
    const words = text.split(" ").reverse().slice(0, task.maxNewTokens);
    let ended = false;
    try {
      yield { kind: "start", promptTokens: text.split(" ").length };
      for (const [id, word] of words.entries()) {
        if (word === "explode") {
          throw new TypeError("Cannot read /secret/path");
        }
        await new Promise((resolve) => setTimeout(resolve, this.pause));
        signal.throwIfAborted();
        yield { kind: "piece", id, text: `${word} `, logProbability: -id };
      }
      ended = true;
      yield { kind: "end", reason: "stop", completionTokens: words.length };
    } finally {
      if (!ended) this.left++;
    }
  }

  embed(texts: readonly string[]) {
    const vectors = texts.map((text) => Float32Array.of(text.length, 0.5));
    return Promise.resolve({ vectors, tokens: texts.length });
  }

  load(name: string, folder: string): Promise<void> {
    if (!folder.endsWith("/good")) throw new RangeError("Cannot read it");
    this.#models.push({ name, kind: "adapter" });
    return Promise.resolve();
  }

  unload(name: string): Promise<void> {
    const place = this.#models.findIndex((model) => model.name === name);
    if (place < 0) throw new ApiError(404, `Cannot unload ${name}`);
    this.#models.splice(place, 1);
    return Promise.resolve();
  }

  statistics() {
    const running = this.tasks.length;
    return Promise.resolve({
      running,
      waiting: 2,
      steps: 3,
      tokens: 4,
      deviceBytes: 5,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function textOf({ prompt }: GenerationTask): string {
  switch (prompt.kind) {
    case "text":
      return prompt.text;
    case "tokens":
      return prompt.ids.join(" ");
    case "chat":
      return prompt.messages.map(({ content }) => content).join(" ");
  }
}
