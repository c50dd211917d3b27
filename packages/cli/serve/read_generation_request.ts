import type { SamplingOptions } from "@wick/models";
import { present } from "../arguments.ts";
import type { GenerationTask, TaskPrompt } from "./engine.ts";
import { type RequestFields, wrongField } from "./request_fields.ts";

/** A request for texts. */
export interface GenerationRequest {
  /** The texts to make, in the order of the answer's choices. */
  readonly tasks: readonly GenerationTask[];
  /** Whether pieces are sent as they come. */
  readonly stream: boolean;
  /** Whether a stream ends with the numbers of tokens. */
  readonly includeUsage: boolean;
  /** Whether the tokens' probabilities are told. */
  readonly logProbabilities: boolean;
}

/** Choices of one request at most. */
const MOST_CHOICES = 16;

/** Fields that change what is generated and that Wick does not do. */
const NEUTRAL: ReadonlyMap<string, readonly unknown[]> = new Map([
  ["presence_penalty", [0]],
  ["frequency_penalty", [0]],
  ["logit_bias", []],
  ["best_of", [1]],
  ["echo", [false]],
  ["suffix", [""]],
  ["top_logprobs", [0]],
  ["tool_choice", ["auto", "none"]],
  ["modalities", []],
  ["audio", []],
]);

/**
 * Reads what a request for completions of either kind has in common.
 *
 * @param fields The body.
 * @param prompts What is continued.
 * @param limits Tokens at most where the request does not say.
 * @returns The request.
 * @throws {ApiError} If a field is wrong, or asks for what is not done.
 */
export function readGenerationRequest(
  fields: RequestFields,
  prompts: readonly TaskPrompt[],
  limits: { readonly maxNewTokens: number | undefined },
): GenerationRequest {
  fields.refuseAllBut(NEUTRAL);
  requireTextFormat(fields.get("response_format"));
  const choices = fields.whole("n", { minimum: 1, maximum: MOST_CHOICES }) ?? 1;
  const maxNewTokens = fields.whole("max_completion_tokens", { minimum: 1 }) ??
    fields.whole("max_tokens", { minimum: 1 }) ?? limits.maxNewTokens;
  const seed = fields.whole("seed", { minimum: 0 }) ??
    crypto.getRandomValues(new Uint32Array(1))[0]!;
  const logprobs = fields.get("logprobs");
  const logProbabilities = logprobs !== undefined && logprobs !== false;
  const common = {
    model: fields.text("model"),
    sampling: readSampling(fields),
    stop: fields.texts("stop", 4),
    logProbabilities,
    ...present({ maxNewTokens }),
  };
  const tasks = prompts.flatMap((prompt) =>
    Array.from(
      { length: choices },
      (_, choice) => ({ ...common, prompt, seed: seed + choice }),
    )
  );
  return {
    tasks,
    stream: fields.flag("stream"),
    includeUsage: wantsUsage(fields.get("stream_options")),
    logProbabilities,
  };
}

function readSampling(fields: RequestFields): SamplingOptions {
  const { temperature = 1, ...rest } = present({
    temperature: fields.number("temperature", { minimum: 0, maximum: 2 }),
    topP: fields.number("top_p", {
      minimum: Number.MIN_VALUE,
      maximum: 1,
    }),
    topK: fields.whole("top_k", { minimum: 1 }),
    minP: fields.number("min_p", { minimum: 0, maximum: 1 }),
    repetitionPenalty: fields.number("repetition_penalty", {
      minimum: Number.MIN_VALUE,
    }),
  });
  return { temperature, ...rest };
}

function requireTextFormat(format: unknown): void {
  if (format === undefined) return;
  const isText = typeof format === "object" && format !== null &&
    "type" in format && format.type === "text";
  if (!isText) {
    throw wrongField("response_format", 'left out or {"type": "text"}');
  }
}

function wantsUsage(options: unknown): boolean {
  return typeof options === "object" && options !== null &&
    "include_usage" in options && options.include_usage === true;
}
