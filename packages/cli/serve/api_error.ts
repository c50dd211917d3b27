/** The kinds of errors that OpenAI's clients tell apart. */
export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "not_found_error"
  | "rate_limit_error"
  | "server_error";

/** What {@linkcode ApiError} takes beside the status and the message. */
export interface ApiErrorOptions {
  /** The kind; follows from the status if absent. */
  readonly type?: ApiErrorType;
  /** The field of the request that is wrong. */
  readonly param?: string;
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<number, ApiErrorType>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
};

/**
 * A request that is answered with an error, in the form of OpenAI's API.
 *
 * @see {@link https://platform.openai.com/docs/guides/error-codes | Error codes}
 */
export class ApiError extends Error {
  /** The name of the class. */
  override readonly name = "ApiError";
  /** The HTTP status. */
  readonly status: number;
  /** The kind. */
  readonly type: ApiErrorType;
  /** The field of the request that is wrong, or null. */
  readonly param: string | null;
  readonly #headers: Readonly<Record<string, string>>;

  /**
   * Makes the error.
   *
   * @param status The HTTP status.
   * @param message What cannot be done, and what would do.
   * @param options The kind, the field, headers.
   */
  constructor(status: number, message: string, options: ApiErrorOptions = {}) {
    super(message);
    const { type, param = null, headers = {} } = options;
    this.status = status;
    this.type = type ?? TYPES[status] ??
      (status >= 500 ? "server_error" : "invalid_request_error");
    this.param = param;
    this.#headers = headers;
  }

  /**
   * Gives what clients read.
   *
   * @returns The body of the answer.
   */
  toBody(): Record<"error", Record<string, string | null>> {
    const { message, type, param } = this;
    return { error: { message, type, param, code: null } };
  }

  /**
   * Gives the answer.
   *
   * @returns The response.
   */
  toResponse(): Response {
    const { status } = this;
    return Response.json(this.toBody(), { status, headers: this.#headers });
  }
}

/**
 * Makes any error one that can be answered with. What went wrong inside is not
 * told to clients.
 *
 * @param error The error.
 * @returns It, if it is one; a status of 400 for a wrong value, else of 500.
 */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return error instanceof RangeError
    ? new ApiError(400, error.message)
    : new ApiError(500, "Cannot answer: the server failed, see its log");
}
