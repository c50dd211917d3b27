import json, os, sys, torch, shutil
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM,
  MPNetConfig, MPNetModel, BertConfig, BertForMaskedLM, RobertaConfig, RobertaModel, PreTrainedTokenizerFast)
from tokenizers import Tokenizer
OUT = sys.argv[1]
TINY = sys.argv[2]

def randomize(model, seed, dtype):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for n, p in model.named_parameters():
            if "norm" in n.lower() and n.endswith("weight"): p.copy_(1 + 0.2 * torch.randn(p.shape, generator=g))
            elif n.endswith("bias"): p.copy_(0.1 * torch.randn(p.shape, generator=g))
            elif p.dim() == 2 and "embed" not in n: p.copy_(torch.randn(p.shape, generator=g) / p.shape[1] ** 0.5)
            else: p.copy_(0.5 * torch.randn(p.shape, generator=g))
            p.copy_(p.to(dtype).float())
    return model.eval()

def weights(model, dtype, drop=(), rename=lambda n: n):
    return {rename(n): t.detach().to(dtype).contiguous().clone() for n, t in model.state_dict().items()
            if n not in drop and not n.endswith("inv_freq")}

def write(folder, w, shards):
    if shards == 1:
        save_file(w, f"{folder}/model.safetensors", metadata={"format": "pt"}); return
    names = list(w); per = -(-len(names) // shards); m = {}
    for i in range(shards):
        f = f"model-{i+1:05d}-of-{shards:05d}.safetensors"
        part = names[i*per:(i+1)*per]
        save_file({n: w[n] for n in part}, f"{folder}/{f}", metadata={"format": "pt"})
        m.update({n: f for n in part})
    total = sum(t.numel() * t.element_size() for t in w.values())
    json.dump({"metadata": {"total_size": total}, "weight_map": m}, open(f"{folder}/model.safetensors.index.json", "w"), indent=1)

def config(folder, cfg, kind, **change):
    d = cfg.to_diff_dict(); d.pop("transformers_version", None); d["torch_dtype"] = str(kind).split(".")[1]
    d.update(change); d = {k: v for k, v in d.items() if v is not ...}
    json.dump(d, open(f"{folder}/config.json", "w"), indent=1)

def decoder(name, model, cfg, kind, seed, shards=1, length=19, rename=lambda n: n, **change):
    folder = f"{OUT}/models/{name}"; os.makedirs(folder, exist_ok=True)
    randomize(model, seed, kind)
    drop = ("lm_head.weight",) if cfg.tie_word_embeddings else ()
    write(folder, weights(model, kind, drop, rename), shards)
    config(folder, cfg, kind, **change)
    g = torch.Generator().manual_seed(seed + 1)
    ids = torch.randint(0, cfg.vocab_size, (2, length), generator=g)
    prompt = torch.randint(0, cfg.vocab_size, (1, 7), generator=g)
    with torch.no_grad():
        o = model(ids, output_hidden_states=True, use_cache=False)
        rows = prompt.clone(); gap = []
        for _ in range(24):
            l = model(rows, use_cache=False).logits[:, -1]
            t = l.topk(2).values; gap.append((t[0, 0] - t[0, 1]).item())
            rows = torch.cat([rows, l.argmax(-1, keepdim=True)], 1)
    print(name, "least gap of greedy", min(gap), "distinct", len(set(rows[0].tolist())))
    save_file({"input_ids": ids.int(), "logits": o.logits.contiguous(), "hidden_after_layer_1": o.hidden_states[1].contiguous(),
               "prompt_ids": prompt.int(), "greedy_ids": rows.int()}, f"{folder}/expected.safetensors")

base = dict(num_hidden_layers=2, vocab_size=101, max_position_embeddings=256, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, attn_implementation="eager")
bf16, f16, f32 = torch.bfloat16, torch.float16, torch.float32
scale = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
c = LlamaConfig(hidden_size=28, intermediate_size=50, num_attention_heads=3, num_key_value_heads=1, head_dim=10, rope_theta=500000.0, rope_scaling=scale, **base)
decoder("llama3-bf16-shards", LlamaForCausalLM(c), c, bf16, 11, shards=3, rope_scaling=scale)
c = LlamaConfig(hidden_size=30, intermediate_size=44, num_attention_heads=5, num_key_value_heads=5, tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
    rope_scaling={"type": "linear", "factor": 2.0}, **base)
decoder("llama-linear-tied-f16", LlamaForCausalLM(c), c, f16, 23, rope_scaling={"type": "linear", "factor": 2.0})
c = MistralConfig(hidden_size=40, intermediate_size=64, num_attention_heads=6, num_key_value_heads=2, head_dim=14, sliding_window=None, rope_theta=1e6, **base)
decoder("mistral-head-dim-shards", MistralForCausalLM(c), c, f32, 37, shards=2, sliding_window=None, head_dim=14)
c = Qwen2Config(hidden_size=42, intermediate_size=54, num_attention_heads=7, num_key_value_heads=1, tie_word_embeddings=True, rope_theta=1e6, **base)
decoder("qwen2-7-heads-tied-bf16", Qwen2ForCausalLM(c), c, bf16, 53)

class Normed(torch.nn.Module):  # Qwen3: an RMS norm on each head of q and k before the rotation, and no biases
    def __init__(self, inner, head_dim, eps):
        super().__init__(); self.inner = torch.nn.Linear(inner.in_features, inner.out_features, bias=False)
        self.norm_weight = torch.nn.Parameter(torch.ones(head_dim)); self.eps = eps; self.d = head_dim
    def forward(self, x):
        y = self.inner(x); s = y.shape; y = y.view(*s[:-1], -1, self.d)
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps) * self.norm_weight
        return y.view(s)
c = Qwen2Config(hidden_size=36, intermediate_size=40, num_attention_heads=3, num_key_value_heads=1, tie_word_embeddings=False, rope_theta=1e6, **base)
m = Qwen2ForCausalLM(c)
for layer in m.model.layers:
    a = layer.self_attn; d = 12
    a.q_proj = Normed(a.q_proj, d, 1e-5); a.k_proj = Normed(a.k_proj, d, 1e-5)
    a.v_proj = torch.nn.Linear(36, 12, bias=False)
def rename(n):
    for p in "qk": n = n.replace(f"{p}_proj.inner.weight", f"{p}_proj.weight").replace(f"{p}_proj.norm_weight", f"{p}_norm.weight")
    return n
decoder("qwen3-3-heads-f16-shards", m, c, f16, 71, shards=2, rename=rename, model_type="qwen3", architectures=["Qwen3ForCausalLM"], head_dim=12, torch_dtype=..., dtype="float16",
   rope_theta=..., rope_parameters={"rope_type": "default", "rope_theta": 1e6})

tok = json.load(open(f"{TINY}/tokenizer.json"))
def swapped():
    t = json.loads(json.dumps(tok))
    for a in t["added_tokens"]: a["id"] = {0: 1, 1: 0}.get(a["id"], a["id"])
    t["added_tokens"].sort(key=lambda a: a["id"])
    v = t["model"]["vocab"]; v["[PAD]"], v["[UNK]"] = 1, 0
    return t
LONG = "the quick river and a green stone under the bridge costs 12 euros " * 8
SENTENCES = ["The quick river", LONG.strip(), "Seven, a Window! Order 12: green-stone costs 3.50 euros and a long quiet morning under the bridge"]
def encoder(name, model, inner, cfg, kind, seed, t, pad, shards=1, drop=(), sentences=SENTENCES, **change):
    folder = f"{OUT}/embeddings/{name}"; os.makedirs(folder, exist_ok=True)
    randomize(model, seed, kind)
    w = {n: x for n, x in weights(model, kind).items() if n not in drop}
    write(folder, w, shards); config(folder, cfg, kind, **change)
    json.dump(t, open(f"{folder}/tokenizer.json", "w"))
    shutil.copy(f"{TINY}/tokenizer_config.json", f"{folder}/tokenizer_config.json")
    json.dump({"sentences": sentences}, open(f"{folder}/sentences.json", "w"), indent=1)
    tk = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(t)), pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", mask_token="[MASK]")
    b = tk(sentences, padding=True, return_tensors="pt"); assert tk.pad_token_id == pad
    with torch.no_grad(): h = inner(input_ids=b["input_ids"], attention_mask=b["attention_mask"]).last_hidden_state
    k = b["attention_mask"].unsqueeze(-1).float()
    p = torch.nn.functional.normalize((h * k).sum(1) / k.sum(1), dim=1)
    print(name, b["input_ids"].shape, b["attention_mask"].sum(1).tolist())
    save_file({"input_ids": b["input_ids"].int(), "attention_mask": b["attention_mask"].int(), "last_hidden_state": h.contiguous(), "mean_pooled_normalized": p.contiguous()}, f"{folder}/expected.safetensors")

e = dict(vocab_size=400, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=180)
c = MPNetConfig(**e); m = MPNetModel(c)
encoder("mpnet", m, m, c, f32, 5, swapped(), 1)
c = BertConfig(**e); m = BertForMaskedLM(c)
short = [SENTENCES[0], SENTENCES[2]]
encoder("bert-masked-lm-bf16-shards", m, m.bert, c, bf16, 6, tok, 0, shards=2, drop=("cls.predictions.decoder.weight", "cls.predictions.decoder.bias"), sentences=short)
c = RobertaConfig(**{**e, "type_vocab_size": 1, "hidden_act": "gelu_new", "num_attention_heads": 2}); m = RobertaModel(c)
encoder("roberta-f16", m, m, c, f16, 7, swapped(), 1, sentences=short, pad_token_id=1)
