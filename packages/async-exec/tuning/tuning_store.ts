/** A choice among the variants of a kernel, and what it rests on. */
export interface TunedChoice {
  /** The name of the variant. */
  readonly choice: string;
  /** What a call took with it, in microseconds. */
  readonly microseconds: number;
  /** What one took with the default. */
  readonly defaultMicroseconds: number;
}

/** Where a {@linkcode TuningStore} keeps its choices. */
export interface TuningStoreOptions {
  /** The file; nothing is kept if absent. */
  readonly file?: string | undefined;
  /** Is told what is wrong with the file, in a line. */
  readonly warn: (line: string) => void;
}

const FORMAT = "wick-tuning";
const VERSION = 1;

/**
 * Measured choices of variants, kept in a file for the devices of a user. A file
 * that is damaged or that something else wrote is left as it is, with a warning,
 * and choices are kept in memory only.
 *
 * @example Usage
 * ```ts
 * import { TuningStore } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new TuningStore("a GPU", { warn: console.error });
 * store.set("matmul f32 f32 64x64x64", {
 *   choice: "split 1x4 split 16",
 *   microseconds: 4,
 *   defaultMicroseconds: 5,
 * });
 * assertEquals(store.choices.get("matmul f32 f32 64x64x64"), "split 1x4 split 16");
 * ```
 */
export class TuningStore {
  readonly #device: string;
  readonly #warn: (line: string) => void;
  readonly #choices = new Map<string, string>();
  readonly #entries = new Map<string, TunedChoice>();
  #file: string | undefined;

  /**
   * Reads the choices of a device.
   *
   * @param device What tells the device, its driver and the kernels from others.
   * @param options The file.
   */
  constructor(device: string, { file, warn }: TuningStoreOptions) {
    this.#device = device;
    this.#warn = warn;
    this.#file = file;
    const entries = this.#read()?.get(device) ?? new Map();
    for (const [key, entry] of entries) this.#keep(key, entry);
  }

  /** The file, or `undefined` if nothing is kept. */
  get file(): string | undefined {
    return this.#file;
  }

  /** The name of the variant for each kind of work; grows with new choices. */
  get choices(): ReadonlyMap<string, string> {
    return this.#choices;
  }

  /** The choices with their times. */
  get entries(): ReadonlyMap<string, TunedChoice> {
    return this.#entries;
  }

  /**
   * Adds a choice and keeps it.
   *
   * @param key The kind of work.
   * @param entry The choice.
   */
  set(key: string, entry: TunedChoice): void {
    this.#keep(key, entry);
    this.#write();
  }

  /** Forgets the choices of this device. */
  clear(): void {
    this.#choices.clear();
    this.#entries.clear();
    this.#write();
  }

  #keep(key: string, entry: TunedChoice): void {
    this.#entries.set(key, entry);
    this.#choices.set(key, entry.choice);
  }

  /** What the file says of each device; a bad file is not used from then on. */
  #read(): Map<string, Map<string, TunedChoice>> | undefined {
    if (this.#file === undefined) return undefined;
    try {
      return parse(Deno.readTextFileSync(this.#file));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Map();
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(
        `ignored ${this.#file}: ${reason}; delete it to have choices kept again`,
      );
      this.#file = undefined;
      return undefined;
    }
  }

  /** Writes the file whole, with what other processes put into it meanwhile. */
  #write(): void {
    const devices = this.#read();
    if (!devices || this.#file === undefined) return;
    const entries = this.#entries.size === 0
      ? new Map()
      : new Map([...devices.get(this.#device) ?? [], ...this.#entries]);
    devices.set(this.#device, entries);
    const text = JSON.stringify(
      {
        format: FORMAT,
        version: VERSION,
        devices: Object.fromEntries(
          [...devices].filter(([, entries]) => entries.size > 0)
            .map(([device, entries]) => [device, Object.fromEntries(entries)]),
        ),
      },
      undefined,
      1,
    );
    const aside = `${this.#file}.${crypto.randomUUID()}`;
    try {
      const folder = this.#file.replace(/[/\\][^/\\]*$/, "");
      if (folder !== this.#file) Deno.mkdirSync(folder, { recursive: true });
      Deno.writeTextFileSync(aside, `${text}\n`);
      Deno.renameSync(aside, this.#file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(`could not keep measured choices: ${reason}`);
      this.#file = undefined;
    }
  }
}

function parse(text: string): Map<string, Map<string, TunedChoice>> {
  const all: unknown = JSON.parse(text);
  if (!isRecord(all) || all["format"] !== FORMAT) {
    throw new TypeError("It is no file of tuned kernels");
  }
  if (all["version"] !== VERSION) {
    throw new TypeError(
      `It is of version ${all["version"]}, and this program reads ${VERSION}`,
    );
  }
  const devices = all["devices"];
  if (!isRecord(devices)) throw new TypeError("It lists no devices");
  return new Map(
    Object.entries(devices).map(([device, entries]) => {
      if (!isRecord(entries)) {
        throw new TypeError(`Its entry of "${device}" is no list of choices`);
      }
      const choices = Object.entries(entries).map(
        ([key, entry]): [string, TunedChoice] => {
          if (!isChoice(entry)) {
            throw new TypeError(`Its choice for "${key}" is none`);
          }
          return [key, entry];
        },
      );
      return [device, new Map(choices)];
    }),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isChoice(value: unknown): value is TunedChoice {
  return isRecord(value) && typeof value["choice"] === "string" &&
    typeof value["microseconds"] === "number" &&
    typeof value["defaultMicroseconds"] === "number";
}
