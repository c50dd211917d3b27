import { nextTurn } from "@wick/async-exec";
import type { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import type { RowOptions } from "./batch_row.ts";
import { checkPrompt } from "./check_prompt.ts";
import { DecodeBatch, type GeneratedToken } from "./decode_batch.ts";
import { checkSampling } from "./sampling.ts";

/** Options of {@linkcode generate}. */
export interface GenerateOptions
  extends Omit<RowOptions, "stream" | "adapter"> {
  /** The sequences that run at once; 64 at most if absent. */
  readonly batchSize?: number;
  /**
   * The adapter of each sequence by its name in the model's `rowAdapters`;
   * `null` for none. None has one if absent.
   */
  readonly adapters?: readonly (string | null)[];
  /**
   * Ends a sequence with the token that it is shown, where it gives true. It is
   * not asked about stop tokens, which do.
   */
  readonly stopWhen?: (token: GeneratedToken) => boolean;
  /** Stops between two steps when it aborts. */
  readonly signal?: AbortSignal;
}

const BATCH_SIZE = 64;

// The room for tokens is part of what is planned and compiled: prompts of like
// lengths share it.
const ROUND = 32;

/**
 * Continues sequences, token by token. Prompts are run in chunks, then each
 * step runs one token of each sequence on the keys and values kept from before.
 * Where there are more sequences than run at once, the next ones join as others
 * end. What a sequence gets does not depend on the others.
 *
 * @example Usage
 * ```ts
 * import { CausalLanguageModel, generate } from "@wick/models";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * using model = await CausalLanguageModel.load(
 *   device,
 *   "examples/tickets/base-model",
 * );
 * const ids: number[] = [];
 * for await (const { id } of generate(model, [[1, 5, 9]], { maxNewTokens: 2 })) {
 *   ids.push(id);
 * }
 * assertEquals(ids.length <= 2, true);
 * ```
 *
 * @param model The model.
 * @param prompts The tokens of each sequence, at least one each.
 * @param options How long, and how tokens are chosen. The random choices of
 *   sequence `i` are those of the seed's stream `i`.
 * @returns The new tokens, step by step; those that stop a sequence included.
 * @throws {RangeError} If a prompt is empty or leaves no position for a token,
 *   or an option is outside its range.
 */
export async function* generate(
  model: CausalLanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken> {
  const { maxNewTokens = 128, signal, stopWhen, adapters, ...row } = options;
  const { maxPositions } = model.config;
  const longest = Math.max(...prompts.map(({ length }) => length));
  const capacity = Math.min(
    maxPositions,
    Math.ceil((longest + maxNewTokens) / ROUND) * ROUND,
  );
  checkOptions(model, prompts, options);
  if (prompts.length === 0 || maxNewTokens < 1) return;
  signal?.throwIfAborted();
  using batch = new DecodeBatch(model, {
    rows: Math.min(prompts.length, options.batchSize ?? BATCH_SIZE),
    capacity,
  });
  const running = new Map<number, number>();
  let joined = 0;
  for (;;) {
    while (batch.free > 0 && joined < prompts.length) {
      const place = batch.add(prompts[joined]!, {
        ...row,
        maxNewTokens,
        stream: joined,
        adapter: adapters?.[joined] ?? null,
      });
      running.set(place, joined++);
    }
    if (!batch.busy) return;
    for (const token of await batch.step()) {
      const shown = { ...token, row: running.get(token.row)! };
      const stopped = token.finish !== "stop" && stopWhen?.(shown) === true;
      if (stopped && !token.last) batch.remove(token.row);
      yield stopped ? { ...shown, last: true, finish: "stop" } : shown;
    }
    if (!batch.ready) await nextTurn();
    signal?.throwIfAborted();
  }
}

/** All of what is wrong is said before anything runs. */
function checkOptions(
  model: CausalLanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): void {
  const { batchSize = BATCH_SIZE, adapters } = options;
  checkSampling(options);
  for (const prompt of prompts) {
    checkPrompt(prompt, model, model.config.maxPositions);
  }
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(
      `Cannot run ${batchSize} sequences at once: it must be at least 1`,
    );
  }
  if (adapters && adapters.length !== prompts.length) {
    throw new RangeError(
      `Cannot give ${prompts.length} sequences ${adapters.length} adapters: name one or null for each`,
    );
  }
}
