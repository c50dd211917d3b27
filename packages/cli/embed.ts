import { EmbeddingModel, nearest } from "@wick/models";
import { type Arguments, present } from "./arguments.ts";
import type { Command } from "./command.ts";
import { type EmbeddedText, readTexts } from "./embedded_text.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { progressBar } from "./progress_bar.ts";
import { UsageError } from "./usage_error.ts";

/** `wick embed`. */
export const EMBED: Command = {
  name: "embed",
  summary: "turns texts into vectors, and finds the nearest ones",
  usage: "--model DIR [TEXT …] [options]",
  options: [
    { name: "model", value: "DIR", text: "the text encoder; needed" },
    {
      name: "data",
      value: "FILE",
      text: 'a jsonl file of {"text"}; a line that has an "embedding" keeps it',
    },
    { name: "field", value: "NAME", text: "where a line has its text; text" },
    {
      name: "search",
      value: "TEXT",
      text: "gives the texts that mean most alike, instead of vectors",
    },
    { name: "top-k", value: "N", text: "how many of them; 5" },
    {
      name: "as",
      value: "query|passage",
      text: "which prefix the texts get; none, and passage where one searches",
    },
    {
      name: "query-prefix",
      value: "TEXT",
      text: "what stands before a query; the model's if absent",
    },
    {
      name: "passage-prefix",
      value: "TEXT",
      text: "what stands before a passage; the model's if absent",
    },
    {
      name: "pooling",
      value: "mean|cls",
      text: "how tokens become a vector; the model's if absent",
    },
    { name: "no-normalize", text: "leave the vectors as long as they are" },
    { name: "batch-size", value: "N", text: "texts run at once; 32" },
  ],
  examples: [
    "--model DIR 'a text' 'another text'",
    "--model DIR --data notes.jsonl > vectors.jsonl",
    "--model DIR --data vectors.jsonl --search 'how to grow beans' --top-k 3",
    "--model DIR --data notes.jsonl --search beans --query-prefix 'query: ' --passage-prefix 'passage: '",
  ],
  run: embed,
};

async function embed(args: Arguments, io: Io): Promise<number> {
  const folder = args.required("model");
  const query = args.filled("search");
  const count = args.whole("top-k") ?? 5;
  const kind = args.choice("as", ["query", "passage"]) ??
    (query === undefined ? undefined : "passage");
  const batch = present({ batchSize: args.whole("batch-size") });
  const pooling = args.choice("pooling", ["mean", "cls"]);
  const model = {
    ...present({
      queryPrefix: args.text("query-prefix"),
      passagePrefix: args.text("passage-prefix"),
    }),
    ...(pooling && { pooling }),
  };
  const path = args.filled("data");
  if (path === undefined && args.operands.length === 0) {
    throw new UsageError(
      "Cannot embed nothing: give texts, or a jsonl file as --data",
    );
  }
  const texts = await readTexts(path, args.filled("field"), args.operands);
  using opened = new DisposableStack();
  const device = opened.use(await openNamedDevice(args, io));
  const encoder = opened.use(
    await EmbeddingModel.load(device, folder, {
      ...model,
      onProgress: progressBar(args, io, "loading"),
    }),
  );
  const options = {
    ...batch,
    normalize: !args.flag("no-normalize"),
    signal: io.signal,
  };
  let cut = 0;
  const open = texts.filter(({ vector }) => vector === undefined);
  const vectors = await encoder.encode(open.map(({ text }) => text), {
    ...options,
    ...(kind && { as: kind }),
    onProgress: progressBar(args, io, "embedding"),
    onCut: () => cut++,
  });
  open.forEach((text, index) => text.vector = vectors[index]!);
  if (cut > 0 && !args.flag("quiet")) {
    io.error(`${cut} texts cut to ${encoder.maxLength} tokens\n`);
  }
  if (query === undefined) writeVectors(texts, io);
  else {
    const [vector] = await encoder.encode([query], { ...options, as: "query" });
    refuseOthers(texts, encoder.dimensions, path);
    writeFound(texts, vector!, count, args.flag("json"), io);
  }
  return 0;
}

function writeVectors(texts: readonly EmbeddedText[], io: Io): void {
  for (const { line, vector } of texts) {
    // Nine digits are enough to get the same f32 back.
    const embedding = Array.from(vector!, (x) => Number(x.toPrecision(9)));
    io.out(`${JSON.stringify({ ...line, embedding })}\n`);
  }
}

function writeFound(
  texts: readonly EmbeddedText[],
  query: Float32Array,
  count: number,
  json: boolean,
  io: Io,
): void {
  const vectors = texts.map(({ vector }) => vector!);
  for (const { index, score } of nearest(query, vectors, count)) {
    const { text, line } = texts[index]!;
    const { embedding: _, ...rest } = line;
    io.out(
      json
        ? `${JSON.stringify({ score, index, ...rest })}\n`
        : `${score.toFixed(4)}  ${text}\n`,
    );
  }
}

/** Vectors of another model cannot be searched. */
function refuseOthers(
  texts: readonly EmbeddedText[],
  dimensions: number,
  path: string | undefined,
): void {
  const other = texts.find(({ vector }) => vector!.length !== dimensions);
  if (!other) return;
  throw new RangeError(
    `Cannot search ${path}: an embedding there has ${
      other.vector!.length
    } numbers and the model gives ${dimensions}`,
  );
}
