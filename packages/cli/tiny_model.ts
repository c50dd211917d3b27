import {
  joinPath,
  readModelConfig,
  uniformSource,
  weightShapes,
  writeSafetensors,
  writeTextAtomically,
} from "@wick/models";

const TOKENIZER = "examples/tickets/base-model";

/**
 * Writes a model of one small layer that can read and write text, for tests.
 *
 * @param folder The new folder.
 * @param changes What its configuration says otherwise.
 */
export async function writeTinyModel(
  folder: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await Deno.mkdir(folder);
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    await Deno.copyFile(joinPath(TOKENIZER, name), joinPath(folder, name));
  }
  const config = JSON.parse(
    await Deno.readTextFile(joinPath(TOKENIZER, "config.json")),
  );
  await writeTextAtomically(
    joinPath(folder, "config.json"),
    JSON.stringify({
      ...config,
      ...{ "hidden_size": 16, "intermediate_size": 24, "head_dim": 8 },
      ...{ "num_hidden_layers": 1, "num_attention_heads": 2 },
      ...{ "num_key_value_heads": 1, ...changes },
    }),
  );
  const shapes = weightShapes(await readModelConfig(folder));
  await writeSafetensors(
    joinPath(folder, "model.safetensors"),
    [...shapes].map(([name, shape], seed) => {
      const uniform = uniformSource(seed);
      const length = shape.reduce((a, b) => a * b, 1);
      const values = Float32Array.from({ length }, () => 0.6 * uniform() - 0.3);
      const bytes = new Uint8Array(values.buffer);
      return { name, dtype: "F32", shape, bytes };
    }),
  );
}
