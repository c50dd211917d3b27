import { assertEquals } from "@std/assert";
import { failure } from "../files/failure.ts";
import { temporaryFolder } from "../files/temporary_folder.ts";
import type { DecoderConfig } from "./decoder_config.ts";
import { readModelConfig } from "./read_model_config.ts";

const MODELS = new URL(
  "../../../testdata/conformance/models/",
  import.meta.url,
).pathname;

/** The least that a file must say. */
const LEAST = {
  "model_type": "llama",
  "hidden_size": 64,
  "intermediate_size": 160,
  "num_hidden_layers": 2,
  "num_attention_heads": 4,
  "vocab_size": 320,
};

/** Reads a configuration that says this beside the least. */
async function read(
  changes: Record<string, unknown>,
  generation?: Record<string, unknown>,
): Promise<DecoderConfig> {
  using folder = temporaryFolder();
  const config = { ...LEAST, ...changes };
  Deno.writeTextFileSync(folder.file("config.json"), JSON.stringify(config));
  if (generation) {
    Deno.writeTextFileSync(
      folder.file("generation_config.json"),
      JSON.stringify(generation),
    );
  }
  return await readModelConfig(folder.path);
}

Deno.test("readModelConfig() reads the golden Llama", async () => {
  const { raw, ...config } = await readModelConfig(`${MODELS}tiny-llama`);
  assertEquals(config, {
    modelType: "llama",
    architecture: "LlamaForCausalLM",
    hiddenSize: 64,
    intermediateSize: 160,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
    headDim: 16,
    vocabularySize: 320,
    maxPositions: 256,
    normEpsilon: 1e-6,
    ropeTheta: 10000,
    ropeScaling: { type: "default" },
    tieWordEmbeddings: false,
    attentionBias: false,
    attentionOutputBias: false,
    mlpBias: false,
    queryKeyNorm: false,
    slidingWindow: null,
    slidingWindowLayers: [false, false],
    activation: "silu",
    bosTokenId: 1,
    eosTokenIds: [2],
    padTokenId: null,
    dtype: "float32",
    quantization: null,
  });
  assertEquals(raw["initializer_range"], 0.02);
});

Deno.test("readModelConfig() reads the golden Qwen2 and Qwen3", async () => {
  const qwen2 = await readModelConfig(`${MODELS}tiny-qwen2`);
  const qwen3 = await readModelConfig(`${MODELS}tiny-qwen3`);
  const traits = (config: DecoderConfig): unknown[] => [
    config.attentionBias,
    config.attentionOutputBias,
    config.queryKeyNorm,
    config.headDim,
    config.tieWordEmbeddings,
    config.ropeTheta,
    config.slidingWindow,
  ];
  assertEquals(traits(qwen2), [true, false, false, 16, true, 1e6, null]);
  assertEquals(traits(qwen3), [false, false, true, 32, true, 1e6, null]);
});

Deno.test("readModelConfig() fills in what each family leaves out", async () => {
  const traits = async (
    changes: Record<string, unknown>,
  ): Promise<unknown[]> => {
    const config = await read({ num_attention_heads: 32, ...changes });
    return [
      config.architecture,
      config.keyValueHeads,
      config.headDim,
      config.maxPositions,
      config.bosTokenId,
      config.eosTokenIds,
    ];
  };
  assertEquals(await traits({}), ["LlamaForCausalLM", 32, 2, 2048, 1, [2]]);
  assertEquals(
    await traits({ model_type: "mistral" }),
    ["MistralForCausalLM", 8, 2, 131072, 1, [2]],
  );
  assertEquals(
    await traits({ model_type: "qwen2" }),
    ["Qwen2ForCausalLM", 32, 2, 32768, null, []],
  );
  assertEquals(
    await traits({ model_type: "qwen3" }),
    ["Qwen3ForCausalLM", 32, 128, 32768, null, []],
  );
  assertEquals(
    (await traits({ model_type: "mistral", num_key_value_heads: null }))[1],
    32,
  );
});

Deno.test("readModelConfig() reads biases where the family has a choice", async () => {
  const biased = { "attention_bias": true, "mlp_bias": true };
  const traits = async (type: string): Promise<boolean[]> => {
    const config = await read({
      ...biased,
      model_type: type,
      head_dim: 16,
      num_key_value_heads: 2,
    });
    return [config.attentionBias, config.attentionOutputBias, config.mlpBias];
  };
  assertEquals(await traits("llama"), [true, true, true]);
  assertEquals(await traits("mistral"), [false, false, false]);
  assertEquals(await traits("qwen2"), [true, false, false]);
  assertEquals(await traits("qwen3"), [true, true, false]);
});

Deno.test("readModelConfig() knows a family by its class alone", async () => {
  const config = await read({
    model_type: undefined,
    architectures: ["Qwen2ForCausalLM"],
    num_key_value_heads: 2,
  });
  assertEquals(config.modelType, "qwen2");
});

Deno.test("readModelConfig() reads both spellings of the rotary embedding", async () => {
  const rope = async (changes: Record<string, unknown>): Promise<unknown[]> => {
    const { ropeTheta, ropeScaling } = await read(changes);
    return [ropeTheta, ropeScaling];
  };
  const llama3 = {
    factor: 8,
    "low_freq_factor": 1,
    "high_freq_factor": 4,
    "original_max_position_embeddings": 8192,
  };
  const want = {
    type: "llama3",
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalMaxPositions: 8192,
  };
  assertEquals(
    await rope({
      rope_theta: 5e5,
      rope_scaling: { rope_type: "llama3", ...llama3 },
    }),
    [5e5, want],
  );
  assertEquals(
    await rope({
      rope_parameters: { rope_theta: 5e5, rope_type: "llama3", ...llama3 },
    }),
    [5e5, want],
  );
  assertEquals(
    await rope({ rope_scaling: { type: "linear", factor: 2 } }),
    [10000, { type: "linear", factor: 2 }],
  );
  assertEquals(
    await rope({ rope_theta: 7, rope_parameters: { rope_type: "default" } }),
    [7, { type: "default" }],
  );
  assertEquals(await rope({ rope_scaling: null }), [10000, {
    type: "default",
  }]);
});

Deno.test("readModelConfig() merges the token ids of both files", async () => {
  const { bosTokenId, eosTokenIds, padTokenId } = await read(
    { bos_token_id: 5, eos_token_id: 7, pad_token_id: -1 },
    { bos_token_id: 6, eos_token_id: [9, 7], pad_token_id: 4 },
  );
  assertEquals([bosTokenId, eosTokenIds, padTokenId], [6, [9, 7], 4]);
  const none = await read({ bos_token_id: null, eos_token_id: null });
  assertEquals([none.bosTokenId, none.eosTokenIds], [null, []]);
  assertEquals((await read({ eos_token_id: [3, 3, 0] })).eosTokenIds, [3, 0]);
});

Deno.test("readModelConfig() reads where the sliding window holds", async () => {
  const window = async (
    changes: Record<string, unknown>,
  ): Promise<unknown[]> => {
    const config = await read({
      num_hidden_layers: 3,
      num_key_value_heads: 2,
      sliding_window: 8,
      ...changes,
    });
    return [config.slidingWindow, ...config.slidingWindowLayers];
  };
  assertEquals(await window({}), [null, false, false, false]);
  assertEquals(await window({ model_type: "mistral" }), [8, true, true, true]);
  assertEquals(
    await window({ model_type: "mistral", sliding_window: null }),
    [null, false, false, false],
  );
  const qwen = { "model_type": "qwen2", "max_window_layers": 1 };
  assertEquals(await window(qwen), [null, false, false, false]);
  assertEquals(
    await window({ ...qwen, use_sliding_window: true }),
    [8, false, true, true],
  );
  const listed = [
    "sliding_attention",
    "full_attention",
    "sliding_attention",
  ];
  assertEquals(
    await window({ ...qwen, use_sliding_window: true, layer_types: listed }),
    [8, true, false, true],
  );
});

Deno.test("readModelConfig() reads the element type, quantization and activation", async () => {
  const types = [{ torch_dtype: "bfloat16" }, { dtype: "torch.float16" }, {}];
  assertEquals(
    await Promise.all(types.map(async (type) => (await read(type)).dtype)),
    ["bfloat16", "float16", null],
  );
  const quantization = { "group_size": 64, bits: 4 };
  assertEquals((await read({ quantization })).quantization, quantization);
  assertEquals(
    (await read({ hidden_act: "gelu_pytorch_tanh" })).activation,
    "gelu_tanh",
  );
});

Deno.test("readModelConfig() names the unknown architecture and those known", async () => {
  const known = "known are llama (LlamaForCausalLM), mistral " +
    "(MistralForCausalLM), qwen2 (Qwen2ForCausalLM), qwen3 (Qwen3ForCausalLM)";
  const problem = async (changes: Record<string, unknown>): Promise<string> =>
    (await failure(read(changes))).replace(/^.*config\.json: /, "");
  assertEquals(
    await problem({ model_type: "gpt2", architectures: ["GPT2LMHeadModel"] }),
    `its architecture is "GPT2LMHeadModel" of type "gpt2": ${known}`,
  );
  assertEquals(
    await problem({ model_type: "constructor" }),
    `its architecture is "constructor": ${known}`,
  );
  assertEquals(
    await problem({ model_type: undefined }),
    `its architecture is missing: ${known}`,
  );
});

const wrong: [changes: Record<string, unknown>, problem: string][] = [
  [
    { hidden_size: -64 },
    '"hidden_size" is -64: it must be a whole number from 1 to 2147483647',
  ],
  [
    { hidden_size: undefined },
    '"hidden_size" is missing: it must be a whole number from 1 to 2147483647',
  ],
  [
    { vocab_size: 1.5 },
    '"vocab_size" is 1.5: it must be a whole number from 1 to 2147483647',
  ],
  [
    { intermediate_size: "160" },
    '"intermediate_size" is "160": it must be a whole number from 1 to ' +
    "2147483647",
  ],
  [
    { num_hidden_layers: 1e9 },
    '"num_hidden_layers" is 1000000000: it must be a whole number from 1 to ' +
    "10000",
  ],
  [
    { num_key_value_heads: 3 },
    "its 4 heads cannot share 3 key and value heads: num_attention_heads must " +
    "be a multiple of num_key_value_heads",
  ],
  [
    { num_attention_heads: 3 },
    '"head_dim" is missing: it must be a whole number from 2 to 2147483647',
  ],
  [{ head_dim: 15 }, '"head_dim" is 15: it must be even, and it comes to 15'],
  [
    { rms_norm_eps: 0 },
    '"rms_norm_eps" is 0: it must be a number greater than 0',
  ],
  [
    { rope_theta: "10000" },
    '"rope_theta" is "10000": it must be a number greater than 0',
  ],
  [
    { tie_word_embeddings: "yes" },
    '"tie_word_embeddings" is "yes": it must be true or false',
  ],
  [
    { hidden_act: "mish" },
    '"hidden_act" is "mish": it must be one of silu, swish, gelu, gelu_new, ' +
    "gelu_pytorch_tanh, relu",
  ],
  [
    { rope_scaling: { type: "yarn", factor: 4 } },
    '"rope_scaling.type" is "yarn": it must be "default", "linear" or "llama3"',
  ],
  [
    { rope_parameters: { rope_type: "linear" } },
    '"rope_parameters.factor" is missing: it must be a number greater than 0',
  ],
  [
    {
      rope_scaling: {
        rope_type: "llama3",
        factor: 8,
        low_freq_factor: 4,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
    '"rope_scaling.high_freq_factor" is 4: it must be greater than ' +
    "low_freq_factor 4",
  ],
  [
    { rope_scaling: "linear" },
    '"rope_scaling" is "linear": it must be an object or null',
  ],
  [
    { partial_rotary_factor: 0.5 },
    '"partial_rotary_factor" is 0.5: it must be 1',
  ],
  [
    { eos_token_id: [1, "2"] },
    '"eos_token_id" is [1,"2"]: it must be a token id or a list of them',
  ],
  [
    { layer_types: ["full_attention"] },
    '"layer_types" is ["full_attention"]: it must be a list of 2 layers',
  ],
  [
    { layer_types: ["full_attention", "linear_attention"] },
    '"layer_types" is ["full_attention","linear_attention"]: it must be of ' +
    '"full_attention" and "sliding_attention"',
  ],
  [{ dtype: 16 }, '"dtype" is 16: it must be a text'],
  [{ quantization: 4 }, '"quantization" is 4: it must be an object'],
];
for (const [changes, problem] of wrong) {
  Deno.test(`readModelConfig() refuses ${JSON.stringify(changes)}`, async () => {
    const message = await failure(read(changes));
    assertEquals(message.replace(/^Cannot read .*config\.json: /, ""), problem);
  });
}

Deno.test("readModelConfig() names the file that is missing or broken", async () => {
  using folder = temporaryFolder();
  const path = folder.file("config.json");
  assertEquals(
    await failure(readModelConfig(folder.path)),
    `Cannot read ${path}: there is no such file or folder`,
  );
  Deno.writeTextFileSync(path, JSON.stringify(LEAST));
  const generation = folder.file("generation_config.json");
  Deno.writeTextFileSync(generation, "[]");
  assertEquals(
    await failure(readModelConfig(folder.path)),
    `Cannot read ${generation}: it is not a JSON object`,
  );
});
