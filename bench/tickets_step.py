# The step and the decoding of tickets_step.ts in PyTorch with PEFT, f32 (TF32
# off), eagerly and, with --compile, compiled with CUDA graphs; decoding is
# transformers' generate().
#
#   python3 bench/tickets_step.py [--compile]
import pathlib
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from reference.rouse import rouse

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False

FOLDER = pathlib.Path(__file__).parents[1] / "examples/tickets/base-model"
ROWS, LENGTH, TOKENS = 16, 72, 128
# As in tickets_step.ts: at least so many steps, and for so many seconds.
STEPS, SECONDS = 60, 2.0
# Steps before which the compiler is not done.
COMPILING = 6


def main(compiled: bool) -> None:
    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).cuda()
    model = get_peft_model(
        model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")
    )
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0)
    ids = (torch.arange(ROWS * LENGTH, device="cuda") * 37 % 950).view(ROWS, LENGTH)

    def forward() -> torch.Tensor:
        return model(input_ids=ids, labels=ids).loss

    if compiled:
        forward = torch.compile(forward, mode="reduce-overhead")
    losses, times = [], []
    end = 0.0
    while len(times) < STEPS or time.perf_counter() < end:
        if len(times) == COMPILING:
            # The GPU was idle meanwhile.
            rouse()
            end = time.perf_counter() + SECONDS
        began = time.perf_counter()
        loss = forward()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        times.append((time.perf_counter() - began) * 1000)
    times = sorted(times[10:])
    kind = "compiled" if compiled else "eager"
    print(
        f"PyTorch {torch.__version__} {torch.cuda.get_device_name()} {kind}:"
        f" step {times[len(times) // 2]:.2f} ms (least {times[0]:.2f}),"
        f" loss {losses[0]:.4f} to {losses[STEPS - 1]:.4f}"
        f" after {STEPS} of {len(losses)}",
        flush=True,
    )
    if compiled:
        return
    prompt = torch.arange(24, device="cuda").view(1, 24) * 37 % 950
    rates = []
    for index in range(4):
        if index == 1:
            rouse()
        began = time.perf_counter()
        model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=TOKENS,
            min_new_tokens=TOKENS,
            do_sample=False,
        )
        torch.cuda.synchronize()
        rates.append(TOKENS / (time.perf_counter() - began))
    print(f"generate {sorted(rates[1:])[1]:.0f} tokens/s", flush=True)


main("--compile" in sys.argv)
