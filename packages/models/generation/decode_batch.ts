import {
  embedding,
  type HostArray,
  reshape,
  type Tensor,
} from "@wick/core-tensor";
import type { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import { type CacheRows, KeyValueCache } from "../decoder/kv_cache.ts";
import { adapterNumbers } from "../decoder/row_adapters.ts";
import { AheadRule } from "./ahead_rule.ts";
import { BatchRow, type RowNeed, type RowOptions } from "./batch_row.ts";
import { checkPrompt } from "./check_prompt.ts";
import { chunkLength } from "./chunk_length.ts";
import { type Decode, LookAhead } from "./look_ahead.ts";
import { recordedUpdates } from "./recorded_updates.ts";
import type { SampledToken } from "./sampling.ts";
import { chooseToken, commonNeed, tokenOutput } from "./token_output.ts";

/** Options of {@linkcode DecodeBatch}. */
export interface DecodeBatchOptions {
  /** The sequences that can run at once. */
  readonly rows: number;
  /** The tokens that each may have in all, those of its prompt included. */
  readonly capacity: number;
  /**
   * The likeliest tokens of a row that may be computed before they are asked for,
   * where nothing else waits; if absent 8 on a GPU while a token takes less than
   * 2 ms, and 1 elsewhere. Those after the end of a sequence are computed in vain.
   */
  readonly ahead?: number;
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

/** Tokens of rows that were computed, and of which some are not given yet. */
interface Drawn {
  readonly need: RowNeed;
  readonly places: readonly Place[];
  readonly values: HostArray;
  /** How many tokens of a row there are, and how many were given. */
  readonly count: number;
  given: number;
}

/**
 * A batch of sequences that are continued together, each in a row of its own,
 * which join and leave while the others go on. Each row has its own options,
 * random choices and adapter, and gets the tokens that it would get alone.
 *
 * A step runs a chunk of a prompt that has joined, if there is one, and then a
 * token of every row whose prompt has been run. That token's plan is captured,
 * so it makes nothing new on the device. Where waiting for the device takes as
 * long as the token, the next ones are run with it, and given by the next steps.
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
  readonly #rule: AheadRule;
  #lookAhead: LookAhead | undefined;
  #drawn: Drawn | undefined;

  /**
   * Makes room for sequences.
   *
   * @param model The model; adapters that rows are to have must be in it.
   * @param options The size.
   * @throws {RangeError} If the model has not as many positions, or there is no
   *   row or no token.
   */
  constructor(
    model: CausalLanguageModel,
    { rows, capacity, ahead }: DecodeBatchOptions,
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
    this.#rule = new AheadRule(device.backend.traits, ahead);
    this.#rows = Array.from({ length: rows });
    this.#cache = this.#held.use(
      new KeyValueCache(device, config, { batch: rows, capacity }),
    );
    const numbers = (shape: number[]): Tensor =>
      this.#held.use(
        device.tensor(new Int32Array(shape[0]!).fill(-1), { shape }),
      );
    this.#next = numbers([rows]);
    this.#adapters = model.rowAdapters && [numbers([rows]), numbers([1])];
  }

  /** How many rows are free. */
  get free(): number {
    return this.#rows.filter((row) => row === undefined).length;
  }

  /** Whether the next step has its tokens already. */
  get ready(): boolean {
    return this.#drawn?.places.some((place) => this.#holds(place)) ?? false;
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
    if (left.length > 0) {
      const isAlone = joining.length === 0;
      if (!this.ready) this.#drawn = await this.#draw(left, isAlone);
      tokens.push(...this.#give());
    }
    return tokens;
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#lookAhead?.[Symbol.dispose]();
    for (const decode of this.#decodes.values()) decode[Symbol.dispose]();
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
    const hidden = this.#hidden(ids, cache, together ? 0 : 1);
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

  /** Records the model on the next tokens of all rows (0), or of one (1). */
  #hidden(ids: Tensor, cache: CacheRows, part: 0 | 1): Tensor {
    const adapters = this.#adapters?.[part];
    return this.model.hidden(ids, { cache, ...(adapters && { adapters }) });
  }

  /** Runs one or several tokens of each row whose prompt has been run. */
  async #draw(places: readonly Place[], isAlone: boolean): Promise<Drawn> {
    const rows = places.map(({ row }) => row);
    const need = commonNeed(rows);
    const next = new Int32Array(this.size);
    // What a row that does not decode writes is overwritten before it is seen.
    const positions = this.#rows.map((row) => row?.cached ?? 0);
    for (const { index, row } of places) next[index] = row.history.at(-1)!;
    const began = performance.now();
    const decode = this.#decodeFor(need);
    const looks = need === "id" && isAlone && this.#rule.allows(rows);
    const lookAhead = looks ? this.#makeLookAhead(decode) : undefined;
    this.model.device.write(this.#next, next);
    let values: HostArray;
    if (lookAhead) values = await lookAhead.run(positions);
    else {
      this.#cache.setPositions(positions);
      decode.capture.run();
      values = await decode.output.data();
    }
    const count = lookAhead?.count ?? 1;
    this.#rule.note((performance.now() - began) / count);
    return { need, places, values, count, given: 0 };
  }

  #makeLookAhead(first: Decode): LookAhead {
    return this.#lookAhead ??= new LookAhead({
      device: this.model.device,
      cache: this.#cache,
      ...{ first, count: this.#rule.count },
      capture: (tokens, cache) => this.#capture(tokens, cache, "id"),
    });
  }

  #decodeFor(need: RowNeed): Decode {
    const decode = this.#decodes.get(need) ??
      this.#capture(this.#next, this.#cache, need);
    this.#decodes.set(need, decode);
    return decode;
  }

  #capture(tokens: Tensor, cache: CacheRows, need: RowNeed): Decode {
    const { model } = this;
    const hidden = this.#hidden(reshape(tokens, [this.size, 1]), cache, 0);
    const rows = reshape(hidden, [this.size, model.config.hiddenSize]);
    const output = tokenOutput(model.logits(rows), need);
    const updates = recordedUpdates(output);
    const capture = model.device.capture([output]);
    return {
      capture,
      output,
      [Symbol.dispose]() {
        capture[Symbol.dispose]();
        for (const tensor of [output, ...updates]) tensor.dispose();
      },
    };
  }

  /** Gives each row the next of the tokens that were computed. */
  #give(): GeneratedToken[] {
    const drawn = this.#drawn!;
    const { need, values } = drawn;
    const start = this.size * drawn.given++;
    if (drawn.given === drawn.count) this.#drawn = undefined;
    const places = drawn.places.filter((place) => this.#holds(place));
    for (const { row } of places) row.cached++;
    return this.#choose(
      places,
      ({ index, row }) =>
        chooseToken(values, need, start + index, this.size, row),
    );
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
