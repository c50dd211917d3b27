import type { Device } from "@wick/async-exec";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";

/** The folder of the model of the tickets example. */
export const TICKETS = `${import.meta.dirname}/../examples/tickets/base-model`;

/** The model of the tickets example with the adapter that its demo trains. */
export interface TicketsModel {
  /** The model. */
  readonly model: CausalLanguageModel;
  /** Rank 16, alpha 32, on all linear layers. */
  readonly adapter: LoraAdapter;
}

/**
 * Loads the model of the tickets example, with a fresh adapter.
 *
 * @param device Where it goes.
 * @returns Both.
 */
export async function ticketsModel(device: Device): Promise<TicketsModel> {
  const model = await CausalLanguageModel.load(device, TICKETS);
  const config = loraConfig({ rank: 16, alpha: 32 });
  return { model, adapter: LoraAdapter.inject(model, config) };
}
