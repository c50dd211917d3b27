import {
  openWeights,
  quantizationSections,
  type QuantizedWeightReport,
  readModelConfig,
  type SafetensorsReader,
  writeModelFolder,
} from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { prepareOutputFolder } from "./output_folder.ts";
import { quantizationOption } from "./quantize_option.ts";
import { tensorBytes } from "./tensor_bytes.ts";

/** `wick quantize`. */
export const QUANTIZE: Command = {
  name: "quantize",
  summary: "writes a model with its weights in 4 or 8 bits",
  usage: "--model DIR --output DIR [options]",
  options: [
    { name: "model", value: "DIR", text: "the float model; needed" },
    { name: "output", value: "DIR", text: "a new folder; needed" },
    { name: "bits", value: "4|8", text: "bits of a weight; 4" },
    {
      name: "group-size",
      value: "32|64|128",
      text: "neighbours of a row that share a scale and a bias; 64",
    },
  ],
  examples: [
    "--model examples/tickets/base-model --output out/tickets-4bit",
    "--model DIR --output DIR --bits 8 --group-size 32 --json",
  ],
  run: quantize,
};

async function quantize(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const folder = args.required("model");
  const output = args.required("output");
  const spec = quantizationOption(args, "bits", { bits: 4, groupSize: 64 });
  const config = await readModelConfig(folder);
  const reports: QuantizedWeightReport[] = [];
  const [json, quiet] = [args.flag("json"), args.flag("quiet")];
  using weights = await openWeights(folder, config, {
    quantize: spec,
    onWeight(report) {
      reports.push(report);
      if (json) {
        io.out(`${JSON.stringify({ event: "layer", ...measured(report) })}\n`);
      } else if (!quiet) io.error(`${line(report)}\n`);
    },
  });
  await prepareOutputFolder(output, "nothing");
  const { reader, quantization } = weights;
  await writeModelFolder(
    output,
    folder,
    reader,
    quantizationSections(quantization),
  );
  const whole = inAll(reports, reader);
  if (json) {
    io.out(
      `${
        JSON.stringify({ event: "quantized", model: output, ...spec, ...whole })
      }\n`,
    );
  } else {
    io.out(
      `layers      ${whole.layers} of ${spec.bits} bits in groups of ${spec.groupSize}\n`,
    );
    io.out(
      `error       ${percent(whole.relativeError)} of the weights' size\n`,
    );
    io.out(
      `bytes       ${whole.bytes}, ${
        percent(whole.bytes / whole.floatBytes)
      } of ${whole.floatBytes}\n`,
    );
    if (!quiet) io.error(`model in ${output}\n`);
  }
  return 0;
}

/** What is told of a layer. */
function measured(report: QuantizedWeightReport): Record<string, unknown> {
  const { squaredError, squares, ...rest } = report;
  return { ...rest, relativeError: relative(squaredError, squares) };
}

function line(report: QuantizedWeightReport): string {
  const { path, shape, bytes, floatBytes, squaredError, squares } = report;
  return `${path.padEnd(40)} [${
    shape.join(", ")
  }]  ${floatBytes} to ${bytes} bytes, error ${
    percent(relative(squaredError, squares))
  }`;
}

interface Whole {
  readonly layers: number;
  readonly floatBytes: number;
  readonly bytes: number;
  readonly relativeError: number;
}

/** The whole model: what is not quantized has its bytes in both counts. */
function inAll(
  reports: readonly QuantizedWeightReport[],
  reader: SafetensorsReader,
): Whole {
  const sum = (of: (report: QuantizedWeightReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const bytes = tensorBytes(reader);
  return {
    layers: reports.length,
    floatBytes: bytes + sum(({ floatBytes }) => floatBytes) -
      sum((report) => report.bytes),
    bytes,
    relativeError: relative(
      sum(({ squaredError }) => squaredError),
      sum(({ squares }) => squares),
    ),
  };
}

/** The size of the error beside that of the weights, both root mean squares. */
function relative(squaredError: number, squares: number): number {
  return squares === 0 ? 0 : Math.sqrt(squaredError / squares);
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}
