import {
  isJsonObject,
  readTextIfPresent,
  systemProblem,
  writeTextAtomically,
} from "@wick/models";
import type { StepReport } from "@wick/training";

/** A completion of a prompt. */
export interface Sample {
  /** The prompt. */
  readonly prompt: string;
  /** What was written. */
  readonly text: string;
}

/** What a step gave, and the memory it was in. */
export interface LoggedStep extends Omit<StepReport, "validationLoss"> {
  /** The validation loss, after steps that measure it. */
  readonly validationLoss?: number | null;
  /** Seconds since the run began, or went on. */
  readonly elapsedSeconds: number;
  /** Bytes in use on the device. */
  readonly deviceBytes: number;
  /** Bytes of the process. */
  readonly processBytes: number;
}

/** A line of the log. */
export type LogEvent =
  | {
    readonly event: "start";
    readonly settings: Readonly<Record<string, unknown>>;
    readonly environment: Readonly<Record<string, unknown>>;
  }
  | {
    readonly event: "samples";
    readonly when: "before" | "after";
    readonly samples: readonly Sample[];
  }
  | ({ readonly event: "step" } & LoggedStep);

/** The log of a run: one JSON object a line, in `metrics.jsonl`. */
export class TrainingLog {
  readonly #path: string;
  readonly #events: LogEvent[];

  private constructor(path: string, events: LogEvent[]) {
    this.#path = path;
    this.#events = events;
  }

  /**
   * Opens a log; what it says of steps after the one that the run goes on from
   * is dropped.
   *
   * @param path The file.
   * @param step The steps made.
   * @returns The log.
   */
  static async open(path: string, step: number): Promise<TrainingLog> {
    const text = await readTextIfPresent(path) ?? "";
    const events = text.split("\n").flatMap(parseEvent).filter((event) =>
      event.event === "step"
        ? event.step <= step
        : event.event === "start" || event.when === "before"
    );
    await writeTextAtomically(path, events.map(line).join(""));
    return new TrainingLog(path, events);
  }

  /** All that happened so far. */
  get events(): readonly LogEvent[] {
    return this.#events;
  }

  /** Whether prompts were completed before the first step. */
  get hasSamples(): boolean {
    return this.#events.some(({ event }) => event === "samples");
  }

  /**
   * Writes a line.
   *
   * @param event What happened.
   * @throws {FileFormatError} If the system refuses it.
   */
  async add(event: LogEvent): Promise<void> {
    this.#events.push(event);
    try {
      await Deno.writeTextFile(this.#path, line(event), { append: true });
    } catch (error) {
      throw systemProblem(this.#path, error, "write");
    }
  }
}

function line(event: LogEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** A line that a kill cut off is none. */
function parseEvent(text: string): LogEvent[] {
  try {
    const value: unknown = JSON.parse(text);
    return isLogEvent(value) ? [value] : [];
  } catch {
    return [];
  }
}

function isLogEvent(value: unknown): value is LogEvent {
  if (!isJsonObject(value)) return false;
  const { event, step, loss, samples, settings, environment } = value;
  switch (event) {
    case "start":
      return isJsonObject(settings) && isJsonObject(environment);
    case "samples":
      return Array.isArray(samples);
    case "step":
      return typeof step === "number" && typeof loss === "number";
    default:
      return false;
  }
}
