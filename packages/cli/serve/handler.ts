import { answerGeneration } from "./answer_generation.ts";
import { ApiError, toApiError } from "./api_error.ts";
import type { Engine } from "./engine.ts";
import type { LoopWatch } from "./loop_watch.ts";
import { Metrics } from "./metrics.ts";
import { type BodyLimits, readBody } from "./read_body.ts";
import { readGenerationRequest } from "./read_generation_request.ts";
import {
  readConversation,
  readEmbeddingInputs,
  readPrompts,
} from "./read_prompts.ts";
import { CHAT_FORMAT, COMPLETION_FORMAT } from "./reply_format.ts";
import { RequestFields, wrongField } from "./request_fields.ts";

/** Options of {@linkcode createHandler}. */
export interface HandlerOptions {
  /** What clients must send as their bearer token; nothing if absent. */
  readonly apiKey?: string;
  /** How large a body may be, and how long it may take. */
  readonly body: BodyLimits;
  /** Where adapters that clients name are; none may be loaded if absent. */
  readonly adapterFolder?: string;
  /** Tells how live the event loop is. */
  readonly watch: LoopWatch;
  /** Takes errors of the server itself. */
  readonly onFailure: (error: unknown) => void;
}

/** What a route is given. */
interface Call {
  readonly request: Request;
  readonly engine: Engine;
  readonly options: HandlerOptions;
  readonly metrics: Metrics;
}

type Route = (call: Call) => Response | Promise<Response>;

// Completions of the older kind have 16 tokens where nothing is said.
const COMPLETION_TOKENS = 16;

const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  "/health": { GET: () => Response.json({ status: "ok" }) },
  "/metrics": {
    GET: async ({ engine, metrics, options: { watch } }) =>
      new Response(metrics.text(await engine.statistics(), watch.longestGap), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      }),
  },
  "/v1/models": {
    GET: ({ engine }) =>
      Response.json({
        object: "list",
        data: engine.models().map(({ name, kind }) => ({
          id: name,
          object: "model",
          created: 0,
          owned_by: "wick",
          kind,
        })),
      }),
  },
  "/v1/completions": {
    POST: async (call) => {
      const fields = await readFields(call);
      const request = readGenerationRequest(fields, readPrompts(fields), {
        maxNewTokens: COMPLETION_TOKENS,
      });
      const { engine, request: { signal } } = call;
      return answerGeneration(engine, request, COMPLETION_FORMAT, signal);
    },
  },
  "/v1/chat/completions": {
    POST: async (call) => {
      const fields = await readFields(call);
      const request = readGenerationRequest(
        fields,
        [readConversation(fields)],
        { maxNewTokens: undefined },
      );
      const { engine, request: { signal } } = call;
      return answerGeneration(engine, request, CHAT_FORMAT, signal);
    },
  },
  "/v1/embeddings": { POST: answerEmbeddings },
  "/v1/load_lora_adapter": {
    POST: async (call) => {
      const fields = await readFields(call);
      const name = fields.text("lora_name");
      await call.engine.load(name, await adapterPath(fields, call.options));
      return Response.json({ object: "model", id: name });
    },
  },
  "/v1/unload_lora_adapter": {
    POST: async (call) => {
      const fields = await readFields(call);
      requireAdapterFolder(call.options);
      const name = fields.text("lora_name");
      await call.engine.unload(name);
      return Response.json({ object: "model", id: name, deleted: true });
    },
  },
};

/** Routes that need no key: those that watch a server have none. */
const OPEN = new Set(["/health"]);

/**
 * Makes the function that answers requests in the form of OpenAI's API.
 *
 * @param engine What computes.
 * @param options The key, limits, the folder of adapters.
 * @returns The handler; it never throws.
 */
export function createHandler(
  engine: Engine,
  options: HandlerOptions,
): (request: Request) => Promise<Response> {
  const metrics = new Metrics();
  return async (request) => {
    const began = performance.now();
    const { pathname } = new URL(request.url);
    const known = Object.hasOwn(ROUTES, pathname);
    let response: Response;
    try {
      const route = routeOf(request, pathname);
      if (!OPEN.has(pathname)) requireKey(request, options.apiKey);
      response = await route({ request, engine, options, metrics });
    } catch (error) {
      const answer = toApiError(error);
      if (answer.status >= 500 && !request.signal.aborted) {
        options.onFailure(error);
      }
      response = answer.toResponse();
    }
    const seconds = (performance.now() - began) / 1000;
    metrics.observe(known ? pathname : "other", response.status, seconds);
    return response;
  };
}

function routeOf(request: Request, pathname: string): Route {
  const routes = Object.hasOwn(ROUTES, pathname)
    ? ROUTES[pathname]!
    : undefined;
  if (!routes) {
    const paths = Object.keys(ROUTES).join(", ");
    throw new ApiError(404, `Cannot find ${pathname}: there are ${paths}`);
  }
  const route = Object.hasOwn(routes, request.method)
    ? routes[request.method]
    : undefined;
  if (!route) {
    const methods = Object.keys(routes).join(", ");
    throw new ApiError(
      405,
      `Cannot ${request.method} ${pathname}: use ${methods}`,
      { headers: { allow: methods } },
    );
  }
  return route;
}

function requireKey(request: Request, apiKey: string | undefined): void {
  if (apiKey === undefined) return;
  const given = request.headers.get("authorization") ?? "";
  if (!equalTexts(given, `Bearer ${apiKey}`)) {
    throw new ApiError(
      401,
      "Cannot let the request in: send the server's key as a bearer token",
      { headers: { "www-authenticate": "Bearer" } },
    );
  }
}

/** Compares in a time that does not tell where texts differ. */
function equalTexts(one: string, other: string): boolean {
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(one), encoder.encode(other)];
  let difference = a.length ^ b.length;
  for (let i = 0; i < b.length; i++) difference |= (a[i] ?? 0) ^ b[i]!;
  return difference === 0;
}

async function readFields({ request, options }: Call): Promise<RequestFields> {
  return new RequestFields(await readBody(request, options.body));
}

async function answerEmbeddings(call: Call): Promise<Response> {
  const fields = await readFields(call);
  const texts = readEmbeddingInputs(fields);
  const model = fields.text("model");
  fields.refuseAllBut(new Map([["dimensions", []]]));
  const format = fields.get("encoding_format") ?? "float";
  if (format !== "float" && format !== "base64") {
    throw wrongField("encoding_format", '"float" or "base64"');
  }
  const names = call.engine.models()
    .filter(({ kind }) => kind === "embedding").map(({ name }) => name);
  if (!names.includes(model)) {
    throw new ApiError(
      404,
      `Cannot embed with the model "${model}": there is ${
        names.join(", ") || "none, start the server with --embedding-model"
      }`,
      { param: "model" },
    );
  }
  const { vectors, tokens } = await call.engine.embed(
    texts,
    call.request.signal,
  );
  return Response.json({
    object: "list",
    model,
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: format === "float" ? [...vector] : base64(vector),
    })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function requireAdapterFolder({ adapterFolder }: HandlerOptions): string {
  if (adapterFolder !== undefined) return adapterFolder;
  throw new ApiError(
    403,
    "Cannot change adapters: start the server with --adapter-folder to allow it",
  );
}

/** The folder that a request names, which lies in that of the adapters. */
async function adapterPath(
  fields: RequestFields,
  options: HandlerOptions,
): Promise<string> {
  const folder = requireAdapterFolder(options);
  const wrong = wrongField(
    "lora_path",
    "a folder inside that of --adapter-folder",
  );
  try {
    // Links are followed first: where they lead is what counts.
    const root = await Deno.realPath(folder);
    const path = await Deno.realPath(`${root}/${fields.text("lora_path")}`);
    if (path.startsWith(`${root}/`)) return path;
  } catch (error) {
    if (error instanceof ApiError) throw error;
  }
  throw wrong;
}
