/** What a command reads from and writes to. */
export interface Io {
  /** Writes results, as they are. */
  out(text: string): void;
  /** Writes messages, as they are. */
  error(text: string): void;
  /** Whether messages go to a terminal, so that a line may be overwritten. */
  readonly terminal: boolean;
  /** Whether messages may be coloured. */
  readonly color: boolean;
  /** The columns of the terminal. */
  readonly columns: number;
  /** Gives the lines that the user writes; there are none if absent. */
  readonly lines?: () => AsyncIterable<string>;
  /** Aborts when the user wants to stop. */
  readonly signal: AbortSignal;
}

/**
 * Gives the streams of the process. `NO_COLOR` is honoured.
 *
 * @param signal Aborts when the user wants to stop.
 * @returns Standard input, standard output and standard error.
 */
export function processIo(signal: AbortSignal): Io {
  const terminal = Deno.stderr.isTerminal();
  return {
    out: (text) => write(Deno.stdout, text),
    error: (text) => write(Deno.stderr, text),
    terminal,
    color: terminal && !Deno.noColor,
    columns: terminal ? Deno.consoleSize().columns : 80,
    lines: () => linesOf(Deno.stdin.readable, signal),
    signal,
  };
}

function write(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) {
    done += stream.writeSync(bytes.subarray(done));
  }
}

/**
 * The lines of a text in bytes; the last one need not be ended. Waiting for the
 * next one ends when the signal aborts.
 */
async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let open = "";
  const texts = stream.pipeThrough(new TextDecoderStream(), { signal });
  for await (const text of texts) {
    const lines = (open + text).split("\n");
    open = lines.pop() ?? "";
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  if (open !== "") yield open;
}
