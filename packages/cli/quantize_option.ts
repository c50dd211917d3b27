import { isQuantizedBits, isQuantizedGroupSize } from "@wick/core-tensor";
import type { QuantizationSpec } from "@wick/models";
import { Arguments } from "./arguments.ts";
import type { Option } from "./option.ts";
import { UsageError } from "./usage_error.ts";

/** The options of commands that may quantize a model as it is loaded. */
export const QUANTIZE_OPTIONS: readonly Option[] = [
  {
    name: "quantize",
    value: "4|8",
    text: "bits to which weights are quantized as they are loaded",
  },
  {
    name: "group-size",
    value: "32|64|128",
    text: "weights that share a scale where they are quantized; 64",
  },
];

/**
 * Reads how a model is to be quantized.
 *
 * @param args The arguments.
 * @param name The option that gives the bits.
 * @param fallback What is taken where the options are absent.
 * @returns Bits and group size; `undefined` if nothing is to be.
 * @throws {UsageError} If they are others than can be.
 */
export function quantizationOption(
  args: Arguments,
  name: "bits",
  fallback: QuantizationSpec,
): QuantizationSpec;
export function quantizationOption(
  args: Arguments,
): QuantizationSpec | undefined;
export function quantizationOption(
  args: Arguments,
  name: "quantize" | "bits" = "quantize",
  fallback?: QuantizationSpec,
): QuantizationSpec | undefined {
  const bits = args.whole(name) ?? fallback?.bits;
  const groupSize = args.whole("group-size") ?? 64;
  if (bits === undefined) {
    if (args.text("group-size") === undefined) return undefined;
    throw new UsageError(
      `Cannot take --group-size without --${name}: it says how weights are quantized`,
    );
  }
  if (!isQuantizedBits(bits)) {
    throw new UsageError(`Cannot take "${bits}" as --${name}: it must be 4, 8`);
  }
  if (!isQuantizedGroupSize(groupSize)) {
    throw new UsageError(
      `Cannot take "${groupSize}" as --group-size: it must be 32, 64, 128`,
    );
  }
  return { bits, groupSize };
}

/**
 * Reads how a model is to be loaded.
 *
 * @param args The arguments.
 * @returns Options of `CausalLanguageModel.load()`.
 * @throws {UsageError} If the bits or the group size are others than can be.
 */
export function loadOptions(
  args: Arguments,
): { readonly quantize?: QuantizationSpec } {
  const quantize = quantizationOption(args);
  return quantize ? { quantize } : {};
}

/**
 * Reads `--quantize` and `--group-size` from a command line of nothing else, as
 * examples have it.
 *
 * @param args The command line.
 * @returns How to quantize, as an option of `CausalLanguageModel.load()`.
 * @throws {UsageError} If there is anything else.
 */
export function quantizeArguments(
  args: readonly string[],
): { readonly quantize?: QuantizationSpec } {
  const given = new Arguments(args, QUANTIZE_OPTIONS);
  given.refuseOperands();
  return loadOptions(given);
}
