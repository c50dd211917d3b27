import { toApiError } from "./api_error.ts";
import type { Engine, FinishReason, GenerationEvent } from "./engine.ts";
import { eventStream } from "./event_stream.ts";
import type { GenerationRequest } from "./read_generation_request.ts";
import {
  choiceBody,
  type ReplyFormat,
  type ReplyToken,
  type Usage,
  usageBody,
} from "./reply_format.ts";

/** A text whose first event has come, so that it can be made. */
interface StartedTask {
  readonly promptTokens: number;
  readonly rest: AsyncIterator<GenerationEvent>;
}

/** How one choice ended. */
interface EndedChoice extends Usage {
  readonly reason: FinishReason;
}

/**
 * Makes the texts of a request and answers with them, at once or as they come.
 *
 * @param engine What makes them.
 * @param request What is wanted.
 * @param format How answers are spelt.
 * @param signal Aborts when the client has left.
 * @returns The response.
 * @throws {ApiError} If a text cannot be made.
 */
export async function answerGeneration(
  engine: Engine,
  request: GenerationRequest,
  format: ReplyFormat,
  signal: AbortSignal,
): Promise<Response> {
  // One that cannot be started, or the client's leaving, stops the others.
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const head = {
    id: `${format.prefix}-${crypto.randomUUID().replaceAll("-", "")}`,
    created: Math.floor(Date.now() / 1000),
    model: request.tasks[0]!.model,
  };
  try {
    const started = await Promise.all(
      request.tasks.map((task) => start(engine.generate(task, either))),
    );
    if (request.stream) {
      return streamed(started, request, format, head, stop);
    }
    return Response.json(await whole(started, request, format, head));
  } catch (error) {
    stop.abort();
    throw error;
  }
}

async function start(
  events: AsyncIterable<GenerationEvent>,
): Promise<StartedTask> {
  const rest = events[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done || first.value.kind !== "start") {
    throw new TypeError("Cannot answer: a text must begin with its start");
  }
  return { promptTokens: first.value.promptTokens, rest };
}

async function whole(
  started: readonly StartedTask[],
  { logProbabilities }: GenerationRequest,
  format: ReplyFormat,
  head: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const choices: Record<string, unknown>[] = [];
  const ended = await Promise.all(started.map(async (task, index) => {
    const tokens: ReplyToken[] = [];
    const end = await drain(task, (token) => tokens.push(token));
    const content = format.whole(tokens, logProbabilities);
    choices[index] = choiceBody(index, content, end.reason);
    return end;
  }));
  return {
    ...head,
    object: format.object,
    choices,
    usage: usageBody(total(ended)),
  };
}

function streamed(
  started: readonly StartedTask[],
  { logProbabilities, includeUsage }: GenerationRequest,
  format: ReplyFormat,
  head: Readonly<Record<string, unknown>>,
  stop: AbortController,
): Response {
  const chunk = (choices: readonly unknown[], usage: unknown = undefined) => ({
    ...head,
    object: format.chunkObject,
    choices,
    ...(includeUsage && { usage: usage ?? null }),
  });
  return eventStream(async (send) => {
    try {
      const ended = await Promise.all(started.map(async (task, index) => {
        if (format.opening) {
          send(chunk([choiceBody(index, format.opening, null)]));
        }
        const end = await drain(task, (token) => {
          const piece = format.piece([token], logProbabilities);
          send(chunk([choiceBody(index, piece, null)]));
        });
        const last = format.piece([], logProbabilities);
        send(chunk([choiceBody(index, last, end.reason)]));
        return end;
      }));
      if (includeUsage) send(chunk([], usageBody(total(ended))));
    } catch (error) {
      stop.abort();
      send(toApiError(error).toBody());
    }
  }, () => stop.abort());
}

/** Takes the tokens of a text until its end. */
async function drain(
  { promptTokens, rest }: StartedTask,
  take: (token: ReplyToken) => void,
): Promise<EndedChoice> {
  for (;;) {
    const { done, value } = await rest.next();
    if (done) {
      throw new TypeError("Cannot answer: a text ended without its end");
    }
    if (value.kind === "piece") take(value);
    if (value.kind === "end") {
      const { reason, completionTokens } = value;
      return { reason, completionTokens, promptTokens };
    }
  }
}

/** The numbers of all choices; a prompt counts once for each. */
function total(ended: readonly EndedChoice[]): Usage {
  return ended.reduce((sum, end) => ({
    promptTokens: sum.promptTokens + end.promptTokens,
    completionTokens: sum.completionTokens + end.completionTokens,
  }), { promptTokens: 0, completionTokens: 0 });
}
