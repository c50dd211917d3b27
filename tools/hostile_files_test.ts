// Files of every kind that Wick reads, damaged at random: they are read or
// refused in one line that names the file. Never another error, a hang, or
// memory far beyond the file's size.
import { openDevice } from "@wick/async-exec";
import { loadAdapter, loadPeftAdapter, saveMlxAdapter } from "@wick/lora";
import {
  CausalLanguageModel,
  EmbeddingModel,
  FileFormatError,
  loadTokenizer,
  readModelConfig,
} from "@wick/models";
import { readExamples } from "@wick/training";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";

const GOLDEN = "testdata/conformance";
const BASE = `${GOLDEN}/models/tiny-llama`;
const TICKETS = "examples/tickets/base-model";

const device = await openDevice({ device: "cpu", announce: false });
const model = await CausalLanguageModel.load(device, BASE);

/** What stands in the place of a value of JSON. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(
    ...[null, true, false, 0, -1, 1, 0.5, 7, 1e9, 2 ** 31, 2 ** 53, 1e308, -0],
    ...["", "a", "..", "/etc/passwd", "\0", "__proto__", "(", "(a+)+$"],
    ...[[], {}, [[]], [null], { a: 1 }, "x".repeat(5000)],
  ),
  fc.integer(),
  fc.string(),
);

/** What can happen to a file. */
type Damage =
  | { readonly kind: "value"; readonly at: number; readonly value: unknown }
  | { readonly kind: "key"; readonly at: number; readonly name: string }
  | {
    readonly kind: "bytes";
    readonly at: number;
    readonly remove: number;
    readonly insert: readonly number[];
  };

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant("value" as const), at: place, value: strange }),
  fc.record({
    kind: fc.constant("key" as const),
    at: place,
    name: fc.constantFrom("", "__proto__", "constructor", "other"),
  }),
  fc.record({
    kind: fc.constant("bytes" as const),
    at: place,
    remove: fc.constantFrom(0, 1, 1, 4, 100, 1e9),
    insert: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 4 }),
  }),
);

/** An object or list inside JSON, and what of it is meant. */
interface Spot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function spotsOf(value: unknown): Spot[] {
  if (typeof value !== "object" || value === null) return [];
  const holder: Record<string, unknown> = Object.assign(value);
  return Object.keys(holder)
    .flatMap((key) => [{ holder, key }, ...spotsOf(holder[key])]);
}

function damaged(bytes: Uint8Array, path: string, what: Damage): Uint8Array {
  if (what.kind === "bytes") {
    const start = Math.floor(what.at * bytes.length);
    return joined([
      bytes.subarray(0, start),
      Uint8Array.from(what.insert),
      bytes.subarray(Math.min(bytes.length, start + what.remove)),
    ]);
  }
  if (path.endsWith(".safetensors")) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(
      0,
      true,
    );
    const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
    const changed = new TextEncoder().encode(changedJson(header, what));
    const size = new Uint8Array(8);
    new DataView(size.buffer).setUint32(0, changed.length, true);
    return joined([size, changed, bytes.subarray(8 + length)]);
  }
  const lines = new TextDecoder().decode(bytes).split(
    path.endsWith(".jsonl") ? "\n" : "\0",
  );
  const line = Math.floor(what.at * lines.length);
  lines[line] = changedJson(lines[line]!, what);
  return new TextEncoder().encode(lines.join("\n"));
}

function changedJson(
  text: string,
  what: Exclude<Damage, { readonly kind: "bytes" }>,
): string {
  const root: unknown = JSON.parse(text);
  const spots = spotsOf(root);
  const spot = spots[Math.floor(what.at * spots.length * 7) % spots.length];
  if (!spot) return "null";
  const { holder, key } = spot;
  if (what.kind === "value") holder[key] = what.value;
  else {
    const value = holder[key];
    delete holder[key];
    if (what.name !== "") holder[what.name] = value;
  }
  return JSON.stringify(root);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** Files of one kind, and what reads them. */
interface Kind {
  readonly name: string;
  /** The folder of sound files. */
  readonly folder: string;
  /** Those that are damaged. */
  readonly files: readonly string[];
  /** Reads them. */
  read(folder: string): Promise<unknown>;
  readonly runs: number;
}

const mlxFolder = await Deno.makeTempDir();
{
  using adapter = await loadPeftAdapter(
    model,
    `${GOLDEN}/adapters/tiny-llama--qv-r8`,
  );
  await saveMlxAdapter(adapter, `${mlxFolder}/mlx`);
}

const KINDS: readonly Kind[] = [
  {
    name: "the configuration of a model",
    folder: BASE,
    files: ["config.json", "generation_config.json"],
    read: readModelConfig,
    runs: 900,
  },
  {
    name: "a model",
    folder: BASE,
    files: ["config.json", "model.safetensors"],
    async read(folder) {
      using _ = await CausalLanguageModel.load(device, folder);
    },
    runs: 500,
  },
  {
    name: "a text encoder",
    folder: `${GOLDEN}/embeddings/tiny-bert`,
    files: ["config.json", "tokenizer_config.json"],
    async read(folder) {
      using encoder = await EmbeddingModel.load(device, folder);
      await encoder.encode(["a text"]);
    },
    runs: 150,
  },
  {
    name: "a tokenizer",
    folder: TICKETS,
    files: ["tokenizer.json", "tokenizer_config.json"],
    async read(folder) {
      const tokenizer = await loadTokenizer(folder);
      const ids = tokenizer.encode("call the painter: Ä 🙂");
      tokenizer.decode(ids);
    },
    runs: 500,
  },
  {
    name: "an adapter of PEFT",
    folder: `${GOLDEN}/adapters/tiny-llama--patterns`,
    files: ["adapter_config.json", "adapter_model.safetensors"],
    async read(folder) {
      using _ = await loadAdapter(model, folder);
    },
    runs: 900,
  },
  {
    name: "an adapter of PEFT with DoRA",
    folder: `${GOLDEN}/adapters/tiny-llama--dora-r4`,
    files: ["adapter_config.json", "adapter_model.safetensors"],
    async read(folder) {
      using _ = await loadAdapter(model, folder);
    },
    runs: 400,
  },
  {
    name: "an adapter of mlx-lm",
    folder: `${mlxFolder}/mlx`,
    files: ["adapter_config.json", "adapters.safetensors"],
    async read(folder) {
      using _ = await loadAdapter(model, folder);
    },
    runs: 700,
  },
  {
    name: "a data set",
    folder: TICKETS,
    files: ["valid.jsonl"],
    read: (folder) => readExamples(`${folder}/valid.jsonl`),
    runs: 900,
  },
];

for (const { name, folder, files, read, runs } of KINDS) {
  Deno.test(`${name}, damaged, is read or refused by its name`, async () => {
    const start = Deno.memoryUsage().rss;
    const copy = await Deno.makeTempDir();
    const sound = new Map<string, Uint8Array>();
    for await (const { name: file, isFile } of Deno.readDir(folder)) {
      if (!isFile || file === "expected.safetensors") continue;
      const bytes = await Deno.readFile(`${folder}/${file}`);
      await Deno.writeFile(`${copy}/${file}`, bytes);
      // Of a long list of examples a part does.
      const part = file.endsWith(".jsonl")
        ? bytes.subarray(0, bytes.lastIndexOf(10, 3000))
        : bytes;
      sound.set(file, part);
    }
    const counts = { read: 0, refused: 0 };
    const file = fc.constantFrom(...files.filter((one) => sound.has(one)));
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.array(damage, { minLength: 1, maxLength: 2 }),
        async (file, damages) => {
          let bytes = sound.get(file)!;
          for (const what of damages) {
            try {
              bytes = damaged(bytes, file, what);
            } catch {
              // No JSON any more: that is damage enough.
            }
          }
          await Deno.writeFile(`${copy}/${file}`, bytes);
          const before = device.statistics().bytesInUse;
          try {
            await read(copy);
            counts.read++;
          } catch (error) {
            assert(error instanceof FileFormatError, String(error));
            assert(error.message.includes(copy), error.message);
            assertEquals(/[\r\n]/.test(error.message), false);
            counts.refused++;
          } finally {
            await Deno.writeFile(`${copy}/${file}`, sound.get(file)!);
          }
          // A plan that is kept has numbers of its own on the device.
          assert(device.statistics().bytesInUse - before < 1024);
        },
      ),
      { numRuns: runs, seed: 11 },
    );
    const { rss } = Deno.memoryUsage();
    assert(rss - start < 2 ** 29, `${(rss - start) / 2 ** 20} MiB more`);
    // Both ways must have been walked for the test to mean anything.
    assert(counts.read > 20 && counts.refused > 20, JSON.stringify(counts));
    await Deno.remove(copy, { recursive: true });
  });
}

globalThis.addEventListener("unload", () => {
  Deno.removeSync(mlxFolder, { recursive: true });
});
