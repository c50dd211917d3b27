import type { Capture } from "@wick/async-exec";
import { embedding, reshape, type Tensor } from "@wick/core-tensor";
import type { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import { type CacheRows, KeyValueCache } from "../decoder/kv_cache.ts";
import { adapterNumbers } from "../decoder/row_adapters.ts";
import { BatchRow, type RowNeed, type RowOptions } from "./batch_row.ts";
import { checkPrompt } from "./check_prompt.ts";
import { chunkLength } from "./chunk_length.ts";
import { recordedUpdates } from "./recorded_updates.ts";
import type { SampledToken } from "./sampling.ts";
import { chooseToken, commonNeed, tokenOutput } from "./token_output.ts";

/** Options of {@linkcode DecodeBatch}. */
export interface DecodeBatchOptions {
  /** The sequences that can run at once. */
  readonly rows: number;
  /** The tokens that each may have in all, those of its prompt included. */
  readonly capacity: number;
}

/** Why a sequence ends. */
export type FinishReason = "stop" | "length";

/** A new token of one row of a batch. */
export interface GeneratedToken extends SampledToken {
  /** The row. */
  readonly row: number;
  /** Whether the sequence ends here. */
  readonly last: boolean;
  /** Why it ends: `id` stops it, or it has all its tokens. */
  readonly finish?: FinishReason;
}

/** A row in use, and where it is. */
interface Place {
  readonly index: number;
  readonly row: BatchRow;
}

/** A captured step, what it gives, and what it updates. */
interface Decode {
  readonly capture: Capture;
  readonly output: Tensor;
  readonly updates: readonly Tensor[];
}

/**
 * A batch of sequences that are continued together, each in a row of its own,
 * which join and leave while the others go on. Each row has its own options,
 * random choices and adapter, and gets the tokens that it would get alone.
 *
 * A step runs a chunk of a prompt that has joined, if there is one, and then a
 * token of every row whose prompt has been run. That token's plan is captured,
 * so it makes nothing new on the device.
 *
 * ```ts
 * import { CausalLanguageModel, DecodeBatch } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const folder = "examples/tickets/base-model";
 * using model = await CausalLanguageModel.load(device, folder);
 * using batch = new DecodeBatch(model, { rows: 2, capacity: 32 });
 * batch.add([1, 5, 9], { maxNewTokens: 3, stopTokenIds: [] });
 * await batch.step();
 * batch.add([1, 7], { maxNewTokens: 1, temperature: 0.8, seed: 7 });
 * const counts = [0, 0];
 * while (batch.busy) {
 *   for (const { row } of await batch.step()) counts[row]!++;
 * }
 * assertEquals(counts, [2, 1]);
 * ```
 */
export class DecodeBatch {
  /** The model. */
  readonly model: CausalLanguageModel;
  /** The sequences that can run at once. */
  readonly size: number;
  /** The tokens that each may have in all. */
  readonly capacity: number;
  readonly #cache: KeyValueCache;
  readonly #rows: (BatchRow | undefined)[];
  readonly #held = new DisposableStack();
  readonly #next: Tensor;
  // The adapters of all rows, and of the one that is run alone.
  readonly #adapters: readonly [Tensor, Tensor] | undefined;
  readonly #decodes = new Map<RowNeed, Decode>();

  /**
   * Makes room for sequences.
   *
   * @param model The model; adapters that rows are to have must be in it.
   * @param options The size.
   * @throws {RangeError} If the model has not as many positions, or there is no
   *   row.
   */
  constructor(
    model: CausalLanguageModel,
    { rows, capacity }: DecodeBatchOptions,
  ) {
    if (!Number.isInteger(rows) || rows < 1) {
      throw new RangeError(
        `Cannot decode ${rows} rows at once: it must be at least 1`,
      );
    }
    const { device, config } = model;
    this.model = model;
    this.size = rows;
    this.capacity = capacity;
    this.#rows = Array.from({ length: rows });
    this.#cache = this.#held.use(
      new KeyValueCache(device, config, { batch: rows, capacity }),
    );
    const numbers = (shape: number[]): Tensor =>
      this.#held.use(
        device.tensor(new Int32Array(shape[0]!).fill(-1), { shape }),
      );
    this.#next = numbers([rows, 1]);
    this.#adapters = model.rowAdapters && [numbers([rows]), numbers([1])];
  }

  /** How many rows are free. */
  get free(): number {
    return this.#rows.filter((row) => row === undefined).length;
  }

  /** Whether a row is in use. */
  get busy(): boolean {
    return this.free < this.size;
  }

  /**
   * Puts a sequence into a free row. Nothing is run yet.
   *
   * @param prompt Its tokens, at least one.
   * @param options How it is continued.
   * @returns The row.
   * @throws {RangeError} If no row is free, the prompt is empty or leaves no
   *   room for a token, an option is outside its range, or there is no adapter of
   *   that name.
   */
  add(prompt: readonly number[], options: RowOptions = {}): number {
    const index = this.#rows.indexOf(undefined);
    if (index < 0) {
      throw new RangeError(
        `Cannot add a sequence: all ${this.size} rows are in use`,
      );
    }
    checkPrompt(prompt, this.model, this.capacity);
    adapterNumbers(this.#adapters && this.model.rowAdapters, [
      options.adapter ?? null,
    ]);
    this.#rows[index] = new BatchRow(prompt, options, {
      stopTokenIds: this.model.config.eosTokenIds,
      capacity: this.capacity,
    });
    this.#writeAdapters();
    return index;
  }

  /**
   * Frees a row before its sequence has ended; one that is free stays so.
   *
   * @param row The row.
   */
  remove(row: number): void {
    this.#rows[row] = undefined;
  }

  /**
   * Runs the next step. A row is free again when its last token has been given.
   *
   * @returns The new tokens, at most one a row; none while prompts are run.
   */
  async step(): Promise<GeneratedToken[]> {
    const used = this.#rows.flatMap((row, index) =>
      row ? [{ index, row }] : []
    );
    const joining = used.filter(({ row }) => !row.decoding);
    const decoding = used.filter(({ row }) => row.decoding);
    const tokens: GeneratedToken[] = [];
    if (joining.length > 0) tokens.push(...await this.#prefill(joining));
    const left = decoding.filter((place) => this.#holds(place));
    if (left.length > 0) tokens.push(...await this.#decode(left));
    return tokens;
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const { capture, output, updates } of this.#decodes.values()) {
      capture[Symbol.dispose]();
      for (const tensor of [output, ...updates]) tensor.dispose();
    }
    this.#decodes.clear();
    this.#held.dispose();
  }

  /** Whether a row is still there: it may be removed while a step waits. */
  #holds({ index, row }: Place): boolean {
    return this.#rows[index] === row;
  }

  /** Runs a chunk of prompts: of all that join if they are many, else of one. */
  async #prefill(joining: readonly Place[]): Promise<GeneratedToken[]> {
    const together = 2 * joining.length >= this.size;
    const running = together ? joining : joining.slice(0, 1);
    const lane = together ? this.size : 1;
    const { model, capacity } = this;
    const length = chunkLength(
      Math.max(...running.map(({ row }) => row.remaining.length)),
      lane,
      Math.min(...running.map(({ row }) => capacity - row.cached)),
    );
    const tokens = new Int32Array(lane * length);
    const lasts = new Int32Array(lane);
    // What a row that does not run would write goes past the end of the cache.
    const positions = Array.from({ length: lane }, () => this.#cache.length);
    const ends: Place[] = [];
    for (const place of running) {
      const { row } = place;
      const at = together ? place.index : 0;
      const chunk = row.remaining.slice(0, length);
      tokens.set(chunk, at * length);
      lasts[at] = at * length + chunk.length - 1;
      positions[at] = row.cached;
      row.cached += chunk.length;
      if (row.remaining.length === 0) ends.push(place);
    }
    const [first] = running;
    if (!together) this.#writeAdapters(first!.row);
    const cache = together ? this.#cache : this.#cache.row(first!.index);
    cache.setPositions(positions);
    using ids = model.device.tensor(tokens, { shape: [lane, length] });
    const hidden = this.#hidden(ids, cache);
    using updates = new DisposableStack();
    for (const update of recordedUpdates(hidden)) updates.use(update);
    if (ends.length === 0) {
      using _chunk = hidden.eval();
      return [];
    }
    using wanted = model.device.tensor(lasts);
    const flat = reshape(hidden, [lane * length, model.config.hiddenSize]);
    const need = commonNeed(ends.map(({ row }) => row));
    using output = tokenOutput(model.logits(embedding(flat, wanted)), need);
    const values = await output.data();
    return this.#choose(
      ends,
      ({ index, row }) =>
        chooseToken(values, need, together ? index : 0, lane, row),
    );
  }

  /** Records the model on the next tokens of all rows, or of one. */
  #hidden(ids: Tensor, cache: CacheRows): Tensor {
    const adapters = this.#adapters?.[cache === this.#cache ? 0 : 1];
    return this.model.hidden(ids, { cache, ...(adapters && { adapters }) });
  }

  /** Runs a token of each row whose prompt has been run. */
  async #decode(decoding: readonly Place[]): Promise<GeneratedToken[]> {
    const need = commonNeed(decoding.map(({ row }) => row));
    const { capture, output } = this.#decodeFor(need);
    const next = new Int32Array(this.size);
    // What a row that does not decode writes is overwritten before it is seen.
    const positions = this.#rows.map((row) => row?.cached ?? 0);
    for (const { index, row } of decoding) {
      next[index] = row.history.at(-1)!;
      row.cached++;
    }
    this.model.device.write(this.#next, next);
    this.#cache.setPositions(positions);
    capture.run();
    const values = await output.data();
    return this.#choose(
      decoding,
      ({ index, row }) => chooseToken(values, need, index, this.size, row),
    );
  }

  #decodeFor(need: RowNeed): Decode {
    const known = this.#decodes.get(need);
    if (known) return known;
    const { model } = this;
    const hidden = this.#hidden(this.#next, this.#cache);
    const rows = reshape(hidden, [this.size, model.config.hiddenSize]);
    const output = tokenOutput(model.logits(rows), need);
    const updates = recordedUpdates(output);
    const capture = model.device.capture([output]);
    const decode = { capture, output, updates };
    this.#decodes.set(need, decode);
    return decode;
  }

  /** Gives each row its token. */
  #choose(
    places: readonly Place[],
    choice: (place: Place) => SampledToken,
  ): GeneratedToken[] {
    return places.filter((place) => this.#holds(place)).map((place) => {
      const { index, row } = place;
      const token = choice(place);
      row.history.push(token.id);
      const finish: FinishReason | undefined = row.stops.has(token.id)
        ? "stop"
        : row.history.length >= row.limit
        ? "length"
        : undefined;
      if (finish) this.remove(index);
      return {
        row: index,
        ...token,
        last: finish !== undefined,
        ...(finish && { finish }),
      };
    });
  }

  /** Says which adapter rows have: all of them, or the one that is run alone. */
  #writeAdapters(alone?: BatchRow): void {
    if (!this.#adapters) return;
    const rows = alone ? [alone] : this.#rows;
    this.model.device.write(
      this.#adapters[alone ? 1 : 0],
      adapterNumbers(
        this.model.rowAdapters,
        rows.map((row) => row?.options.adapter ?? null),
      ),
    );
  }
}
