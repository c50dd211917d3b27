import type { Activation } from "./decoder_config.ts";
import type { Fields } from "./fields.ts";

/** The names under which `hidden_act` is found. */
const ACTIVATIONS: ReadonlyMap<unknown, Activation> = new Map([
  ["silu", "silu"],
  ["swish", "silu"],
  ["gelu", "gelu"],
  ["gelu_new", "gelu_tanh"],
  ["gelu_pytorch_tanh", "gelu_tanh"],
  ["relu", "relu"],
]);

/**
 * Reads `hidden_act`.
 *
 * @param fields The fields of `config.json`.
 * @param fallback The name where the file has none.
 * @returns The function.
 * @throws {FileFormatError} If it is unknown.
 */
export function readActivation(fields: Fields, fallback: string): Activation {
  return ACTIVATIONS.get(fields.text("hidden_act") ?? fallback) ??
    fields.fail("hidden_act", `one of ${[...ACTIVATIONS.keys()].join(", ")}`);
}
