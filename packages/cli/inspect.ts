import {
  dequantizingReader,
  FileFormatError,
  isEncoderModelType,
  joinPath,
  openModelFiles,
  openSafetensors,
  readEncoderConfig,
  readJsonObject,
  readModelConfig,
  readQuantization,
  type SafetensorsReader,
  systemProblem,
} from "@wick/models";
import {
  adapterFormat,
  loraConfig,
  portability,
  readMlxConfig,
  readPeftConfig,
} from "@wick/lora";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { tensorBytes } from "./tensor_bytes.ts";
import { UsageError } from "./usage_error.ts";

/** `wick inspect`. */
export const INSPECT: Command = {
  name: "inspect",
  summary: "says what a safetensors file, a model or an adapter is",
  usage: "FILE_OR_DIR [options]",
  options: [],
  examples: [
    "examples/tickets/base-model",
    "out/tickets/adapter_model.safetensors --json",
  ],
  run: inspect,
};

/** What is found, as `--json` gives it. */
interface Finding {
  readonly path: string;
  readonly kind: "model" | "adapter" | "safetensors";
  readonly config: Readonly<Record<string, unknown>>;
  /** What keeps some tools from taking an adapter; absent for other things. */
  readonly unusual?: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
}

async function inspect(args: Arguments, io: Io): Promise<number> {
  const [path, ...rest] = args.operands;
  if (path === undefined || rest.length > 0) {
    throw new UsageError(
      `Cannot inspect ${args.operands.length} things: name one file or folder`,
    );
  }
  const finding = await find(path);
  io.out(
    args.flag("json")
      ? `${JSON.stringify(finding)}\n`
      : `${describe(finding).join("\n")}\n`,
  );
  return 0;
}

async function find(path: string): Promise<Finding> {
  if (!await isFolder(path)) {
    using reader = await openSafetensors(path);
    return { path, kind: "safetensors", config: {}, ...contents(reader) };
  }
  if (await exists(joinPath(path, "adapter_config.json"))) {
    const mlx = await adapterFormat(path) === "mlx";
    const config = mlx
      ? await readMlxConfig(path)
      : (await readPeftConfig(path)).config;
    using reader = await openSafetensors(
      joinPath(
        path,
        mlx ? "adapters.safetensors" : "adapter_model.safetensors",
      ),
    );
    return {
      path,
      kind: "adapter",
      config: { ...config },
      unusual: [
        ...(mlx
          ? ["the format of mlx-lm; wick convert --to peft writes PEFT's"]
          : []),
        ...portability(loraConfig(config)),
      ],
      ...contents(reader),
    };
  }
  if (!await exists(joinPath(path, "config.json"))) {
    throw new FileFormatError(
      path,
      "it is no model and no adapter: it has neither config.json nor adapter_config.json",
    );
  }
  if (await isEncoder(path)) {
    const { raw: _, ...config } = await readEncoderConfig(path);
    using reader = await openModelFiles(path);
    return { path, kind: "model", config, ...contents(reader) };
  }
  const { raw: _, ...config } = await readModelConfig(path);
  using reader = await openModelFiles(path);
  const { quantization } = config;
  const found = contents(reader);
  if (!quantization) return { path, kind: "model", config, ...found };
  // Packed words hold several numbers each, and scales are no weights.
  const floats = dequantizingReader(
    reader,
    readQuantization(quantization, joinPath(path, "config.json")),
  );
  const { parameters } = contents(floats);
  return { path, kind: "model", config, ...found, parameters };
}

/** Whether a folder has a text encoder rather than a decoder. */
async function isEncoder(path: string): Promise<boolean> {
  const config = await readJsonObject(joinPath(path, "config.json"));
  const type = config["model_type"];
  return typeof type === "string" && isEncoderModelType(type);
}

function contents(
  reader: SafetensorsReader,
): Omit<Finding, "path" | "kind" | "config"> {
  const tensors = reader.names().map((name) => {
    const { dtype, shape } = reader.info(name);
    return { name, dtype, shape };
  });
  const parameters = tensors.reduce(
    (total, { shape }) =>
      total + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const bytes = tensorBytes(reader);
  return { metadata: reader.metadata, parameters, bytes, tensors };
}

function describe(finding: Finding): string[] {
  const { path, kind, config, metadata, parameters, bytes, tensors } = finding;
  const pairs: [string, string][] = [
    [kind, path],
    ["tensors", String(tensors.length)],
    ["numbers", String(parameters)],
    ["bytes", String(bytes)],
    ...Object.entries(config)
      .filter(([, value]) => value !== null)
      .map(([name, value]): [string, string] => [name, shown(value)]),
    ...(finding.unusual
      ? [
        ["vLLM, llama.cpp", verdict(finding.unusual)] satisfies [
          string,
          string,
        ],
      ]
      : []),
    ...Object.entries(metadata).map(([name, value]): [string, string] => [
      `metadata ${name}`,
      value,
    ]),
  ];
  const width = Math.max(...pairs.map(([name]) => name.length));
  const longest = Math.max(0, ...tensors.map(({ name }) => name.length));
  return [
    ...pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    "",
    ...tensors.map(({ name, dtype, shape }) =>
      `${name.padEnd(longest)}  ${dtype.padEnd(4)}  [${shape.join(", ")}]`
    ),
  ];
}

/** Whether tools that want plain LoRA of a usual rank take an adapter. */
function verdict(unusual: readonly string[]): string {
  return unusual.length === 0
    ? "plain LoRA of a usual rank, which every tool takes"
    : `not every tool takes it: ${unusual.join("; ")}`;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    throw systemProblem(path, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw systemProblem(path, error);
  }
}
