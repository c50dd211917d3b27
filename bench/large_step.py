# The step of large_step.ts in PyTorch with PEFT, f32 (TF32 off), eagerly and,
# with --compile, compiled.
#
#   python3 bench/large_step.py FOLDER [--compile]
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from reference.rouse import rouse

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


def main(folder: str, compiled: bool) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).cuda()
    model = get_peft_model(
        model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")
    )
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    ids = torch.tensor([[(i * 7919) % 151936 for i in range(512)]], device="cuda")

    def forward() -> torch.Tensor:
        return model(input_ids=ids, labels=ids).loss

    if compiled:
        forward = torch.compile(forward, mode="reduce-overhead")

    def step() -> float:
        loss = forward()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    losses, times = [], []
    for index in range(20):
        # The GPU was idle while the first steps were compiled.
        if index == 5:
            rouse()
        began = time.perf_counter()
        losses.append(step())
        times.append((time.perf_counter() - began) * 1000)
    times = sorted(times[5:])
    print(
        f"PyTorch {torch.__version__} {torch.cuda.get_device_name()}"
        f"{' compiled' if compiled else ' eager'}: step {times[len(times) // 2]:.2f} ms"
        f" (least {times[0]:.2f}), loss {losses[0]:.4f} to {losses[-1]:.4f},"
        f" {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB at most"
    )


main(sys.argv[1], "--compile" in sys.argv)
