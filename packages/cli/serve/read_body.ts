import { ApiError } from "./api_error.ts";

/** How large a body may be, and how long it may take. */
export interface BodyLimits {
  /** Bytes at most. */
  readonly bytes: number;
  /** Seconds at most. */
  readonly seconds: number;
}

/**
 * Reads the JSON of a request, never more of it than the limit.
 *
 * @param request The request.
 * @param limits How large it may be, and how long it may take.
 * @returns The value.
 * @throws {ApiError} If it is too large, too slow or no JSON.
 */
export async function readBody(
  request: Request,
  limits: BodyLimits,
): Promise<unknown> {
  const bytes = await readBytes(request, limits);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ApiError(400, "Cannot read the body: it is not UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, "Cannot read the body: it is not JSON");
  }
}

async function readBytes(
  { body, headers }: Request,
  { bytes: most, seconds }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = new ApiError(
    413,
    `Cannot read the body: it has more than ${most} bytes`,
  );
  if (Number(headers.get("content-length")) > most) throw tooLarge;
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      reject(
        new ApiError(
          408,
          `Cannot read the body: it took more than ${seconds} s`,
        ),
      ),
    seconds * 1000,
  );
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) break;
      length += value.length;
      if (length > most) throw tooLarge;
      parts.push(value);
    }
  } catch (error) {
    // The rest of the body is nobody's business.
    reader.cancel().catch(() => {});
    throw error instanceof ApiError
      ? error
      : new ApiError(400, "Cannot read the body: it broke off");
  } finally {
    clearTimeout(timer);
  }
  const all = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
