# Makes testdata/variants/tokenizers: python3 make_tokenizers.py OUT
import json, os, sys
from tokenizers import Tokenizer, models, trainers, pre_tokenizers, decoders, normalizers, processors, Regex, AddedToken
from transformers import PreTrainedTokenizerFast
OUT = sys.argv[1]
CORPUS = ["The quick river runs under the green bridge, and the paper costs 3.50 euros in 2024.",
          "Order 12: seven lamps; don't read it's text, we'll call you. They've gone; I'm here.",
          "naïve café crème brûlée, Straße, señor, żółć, Москва, 東京 漢字, مرحبا, שלום, 🙂🙃 👩‍👩‍👧",
          "def main(args):\n\treturn {\"a\": [1, 22, 333]}  # code\n\n    pass", "   leading and trailing   ", "the the the river river bridge paper green"] * 4
TEXTS = ["The quick river.", "  two  spaces\tand a tab\n\n\nnew line \n", "naïve café 漢字 🙂 👩‍👩‍👧", "", " ", "Order 12: 3.50 and 20240117",
         "I'm sure we'll DON'T they've", "a\u0301 e\u0301 (combined) ﬁ ① Ⅷ", "مرحبا שלום Москва", "\u0000\u001f end", "x" * 40, "def f(x):\n    return x  # done\n"]
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|%s ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+" % ""
SPLIT = SPLIT.replace("|" + "" + " ?[^", "| ?[^")

QWEN = '''{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are a helpful assistant.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\nYou may call one or more functions.\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(last=-1) %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
    {%- set ns.last = loop.index0 %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
'''
LLAMA2 = '''{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}'''
LLAMA3 = '''{{- bos_token }}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable and message.content is not string %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
'''
TOOLS = [{"type": "function", "function": {"name": "price", "description": "Gives the price of a thing, in €.",
  "parameters": {"type": "object", "properties": {"thing": {"type": "string", "enum": ["lamp", "café <b>"]}, "count": {"type": "integer", "default": 1}, "fast": {"type": "boolean", "default": False}, "limit": {"type": ["number", "null"], "default": None, "maximum": 1.5}}, "required": ["thing"]}}}]
CALL = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "price", "arguments": {"thing": "lamp", "count": 2}}}]}
PLAIN = [[{"role": "user", "content": "Read the paper"}],
  [{"role": "system", "content": "You are short."}, {"role": "user", "content": " Seven lamps? "}, {"role": "assistant", "content": "Seven."}, {"role": "user", "content": "Why\nthat?"}]]
WITH = [([{"role": "user", "content": "What does a lamp cost?"}], TOOLS),
  ([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Two lamps?"}, CALL, {"role": "tool", "name": "price", "content": "7.50"}, {"role": "assistant", "content": "7.50 €."}, {"role": "user", "content": "Thanks"}], TOOLS)]

def write(name, tok, config, template, chats, specials):
    folder = f"{OUT}/{name}"; os.makedirs(folder, exist_ok=True)
    tok.save(f"{folder}/tokenizer.json")
    json.dump(config, open(f"{folder}/tokenizer_config.json", "w"), indent=1, ensure_ascii=False)
    cases = {"texts": [], "chats": []}
    fast = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", clean_up_tokenization_spaces=False, **{k: v for k, v in config.items() if k in ("bos_token", "eos_token", "unk_token", "pad_token")})
    for text in TEXTS + specials:
        ids = fast.encode(text, add_special_tokens=False)
        cases["texts"].append({"text": text, "ids": ids, "decoded": fast.decode(ids, skip_special_tokens=False)})
    if template:
        open(f"{folder}/chat_template.jinja", "w").write(template)
        for messages, tools in chats:
            r = lambda g: fast.apply_chat_template(messages, tools=tools, chat_template=template, tokenize=False, add_generation_prompt=g)
            case = {"messages": messages, **({"tools": tools} if tools else {}), "rendered": r(False), "rendered_for_generation": r(True)}
            cases["chats"].append(case)
    json.dump(cases, open(f"{folder}/cases.json", "w"), indent=1, ensure_ascii=False)
    print(name, tok.get_vocab_size(), len(cases["texts"]), len(cases["chats"]))

sp = lambda s: AddedToken(s, special=True, normalized=False)
# Qwen2: NFC, a split by expression, bytes.
t = Tokenizer(models.BPE()); t.normalizer = normalizers.NFC()
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
t.decoder = decoders.ByteLevel(); t.post_processor = processors.ByteLevel(trim_offsets=False)
t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
t.add_special_tokens([sp("<|endoftext|>"), sp("<|im_start|>"), sp("<|im_end|>")])
t.add_tokens([AddedToken("<tool_call>", special=False, normalized=False), AddedToken("</tool_call>", special=False, normalized=False)])
write("qwen2-tools", t, {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "clean_up_tokenization_spaces": False, "tokenizer_class": "Qwen2Tokenizer"}, QWEN,
  [(m, None) for m in PLAIN] + WITH, ["<|im_start|>user\nhi<|im_end|>", "a<tool_call>b</tool_call> c"])
# Llama 3: three digits at once, and words of the vocabulary whole.
t = Tokenizer(models.BPE(ignore_merges=True))
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT.replace(r"\p{N}| ?", r"\p{N}{1,3}| ?")), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
t.decoder = decoders.ByteLevel()
t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
t.add_special_tokens([sp("<|begin_of_text|>"), sp("<|eot_id|>"), sp("<|start_header_id|>"), sp("<|end_header_id|>")])
t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B", special_tokens=[("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))])])
write("llama3-tools", t, {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "clean_up_tokenization_spaces": False, "tokenizer_class": "PreTrainedTokenizerFast"}, LLAMA3,
  [(m, None) for m in PLAIN] + WITH, ["<|start_header_id|>user<|end_header_id|>\n\nhi"])
# Llama 2 and Mistral: SentencePiece's pieces, and bytes for what they lack.
t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
t.train_from_iterator(CORPUS[:2] + CORPUS[3:6], trainers.BpeTrainer(vocab_size=200, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)], limit_alphabet=60))
m = json.loads(t.to_str()); m["added_tokens"] = [a for a in m["added_tokens"] if a["content"] in ("<unk>", "<s>", "</s>")]
m["model"]["byte_fallback"] = True
t = Tokenizer.from_str(json.dumps(m))
t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1, right=0)])
t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
write("llama2-byte-fallback", t, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False, "tokenizer_class": "LlamaTokenizer"}, LLAMA2,
  [(m, None) for m in PLAIN], ["<s>hi</s> there"])
# XLM-RoBERTa: pieces by likelihood.
t = Tokenizer(models.Unigram()); t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
t.pre_tokenizer = pre_tokenizers.Metaspace(); t.decoder = decoders.Metaspace()
t.train_from_iterator(CORPUS, trainers.UnigramTrainer(vocab_size=180, show_progress=False, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], unk_token="<unk>"))
t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
write("xlm-roberta-unigram", t, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "clean_up_tokenization_spaces": False, "tokenizer_class": "XLMRobertaTokenizer"}, None, [], ["<s>hi</s> there"])
