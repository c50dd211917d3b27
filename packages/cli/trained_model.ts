import type { Device } from "@wick/async-exec";
import {
  loadAdapter,
  LoraAdapter,
  loraConfig,
  savePeftAdapter,
} from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { FullModel, type Trainable } from "@wick/training";
import type { TrainSettings } from "./train_options.ts";

/** A model and what of it is trained. */
export interface TrainedModel {
  /** The model. */
  readonly model: CausalLanguageModel;
  /** What is trained. */
  readonly trainable: Trainable;
  /** What is trained, in words. */
  readonly summary: string;
  /** The file without which what is saved means nothing. */
  readonly marker: string;
  /** Writes what is trained as a folder of other tools. */
  save(folder: string): Promise<void>;
  /** Does something while the model computes with what is trained. */
  use<Result>(action: () => Promise<Result>): Promise<Result>;
}

/** The file that makes what is trained readable. */
export function markerOf({ kind }: TrainSettings): string {
  return kind === "full" ? "config.json" : "adapter_config.json";
}

/**
 * Loads a model to train an adapter, or itself.
 *
 * @param device Where it goes.
 * @param settings What is trained.
 * @param opened What is to be closed is put in here.
 * @returns The model, and how it is saved.
 */
export async function openTrainedModel(
  device: Device,
  settings: TrainSettings,
  opened: DisposableStack,
): Promise<TrainedModel> {
  const { kind, model: folder, lastLayers, quantize } = settings;
  const marker = markerOf(settings);
  if (kind === "full") {
    const full = opened.use(
      await FullModel.load(device, folder, {
        ...(lastLayers !== undefined && { lastLayers }),
      }),
    );
    return {
      ...{ model: full.model, trainable: full, marker },
      summary: `${full.parameterCount} weights trained`,
      save: (output) => full.save(folder, output),
      use: (action) => action(),
    };
  }
  const model = opened.use(
    await CausalLanguageModel.load(device, folder, {
      ...(quantize && { quantize }),
    }),
  );
  const adapter = opened.use(await adapterOf(model, settings));
  return {
    ...trainedAdapter(model, adapter, settings),
    use: (action) => action(),
  };
}

/**
 * Makes one of several adapters for a model, outside of it.
 *
 * @param model The model.
 * @param settings What is trained.
 * @param opened What is to be closed is put in here.
 * @returns The adapter, and how it is saved; it is in the model while it is used.
 */
export async function openAdapterBeside(
  model: CausalLanguageModel,
  settings: TrainSettings,
  opened: DisposableStack,
): Promise<TrainedModel & { readonly trainable: LoraAdapter }> {
  const adapter = opened.use(
    await adapterOf(model, settings, { insert: false }),
  );
  return {
    ...trainedAdapter(model, adapter, settings),
    trainable: adapter,
    async use(action) {
      adapter.insert();
      try {
        return await action();
      } finally {
        adapter.eject();
      }
    },
  };
}

function trainedAdapter(
  model: CausalLanguageModel,
  adapter: LoraAdapter,
  settings: TrainSettings,
): Omit<TrainedModel, "use"> {
  return {
    ...{ model, trainable: adapter, marker: markerOf(settings) },
    summary:
      `${adapter.layers.size} layers adapted, ${adapter.parameterCount} numbers trained`,
    save: (output) =>
      savePeftAdapter(adapter, output, { baseModel: settings.model }),
  };
}

async function adapterOf(
  model: CausalLanguageModel,
  { adapter, lora, model: folder, lastLayers, seed }: TrainSettings,
  options: { readonly insert?: boolean } = {},
): Promise<LoraAdapter> {
  if (adapter !== undefined) {
    return await loadAdapter(model, adapter, { trainable: true, ...options });
  }
  const { layers } = model.config;
  const last = Math.min(lastLayers ?? layers, layers);
  const config = loraConfig({
    ...lora,
    ...(lastLayers !== undefined && {
      layersToTransform: Array.from(
        { length: last },
        (_, i) => layers - last + i,
      ),
    }),
  });
  try {
    return await LoraAdapter.create(model, config, { seed, ...options });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new RangeError(`${cause.message}, in ${folder}`, { cause });
  }
}
