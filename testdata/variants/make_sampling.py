import json, sys, itertools, torch
from transformers.generation.logits_process import (LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
  TopKLogitsWarper, TopPLogitsWarper, MinPLogitsWarper)
g = torch.Generator().manual_seed(3)
logits = torch.randn(1, 61, generator=g) * 3
history = [4, 4, 17, 9, 33, 9, 58]
cases = []
for t, k, p, m, r in itertools.product([0.6, 1.0, 1.7], [None, 5, 40], [None, 0.5, 0.93], [None, 0.05, 0.4], [None, 1.3, 0.8]):
    ps = []
    if r: ps.append(RepetitionPenaltyLogitsProcessor(r))
    if t != 1.0: ps.append(TemperatureLogitsWarper(t))
    if k: ps.append(TopKLogitsWarper(k))
    if p: ps.append(TopPLogitsWarper(p))
    if m: ps.append(MinPLogitsWarper(m))
    s = LogitsProcessorList(ps)(torch.tensor([history]), logits.clone())
    q = torch.softmax(s, -1)[0]
    kept = {str(i): round(x, 7) for i, x in enumerate(q.tolist()) if x > 0}
    options = {n: v for n, v in [("temperature", t), ("topK", k), ("topP", p), ("minP", m), ("repetitionPenalty", r)] if v}
    cases.append({"options": options, "probabilities": kept})
json.dump({"logits": [float(x) for x in logits[0].tolist()], "history": history, "cases": cases}, open(sys.argv[1], "w"))
print(len(cases))
