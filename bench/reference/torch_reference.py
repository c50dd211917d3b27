# PyTorch's side of bench/gpu_report.ts, in f32 with TF32 off: the same work by
# the same names. Its last line is "@@" and JSON.
#
#   python3 bench/reference/torch_reference.py --tickets FOLDER
#   python3 bench/reference/torch_reference.py --only large --large FOLDER
import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F

from rouse import rouse

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.set_float32_matmul_precision("highest")

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"
BUDGET = 0.4
MOST_TIMES = 40
ROWS = 64
SCALING = 2.0


def synchronize() -> None:
    if CUDA:
        torch.cuda.synchronize()


def timed(label: dict, once, queue: int = 1, budget: float = BUDGET) -> dict:
    """Runs `once` so often, then waits; microseconds of one."""

    def several() -> float:
        synchronize()
        start = time.perf_counter()
        for _ in range(queue):
            once()
        synchronize()
        return (time.perf_counter() - start) * 1e6 / queue

    # The first one loads kernels, and the GPU is idle meanwhile.
    several()
    rouse()
    end = time.perf_counter() + budget / 4
    several()
    while time.perf_counter() < end:
        several()
    times = []
    end = time.perf_counter() + budget
    while len(times) < 3 or (
        len(times) < MOST_TIMES and time.perf_counter() < end
    ):
        times.append(several())
    times.sort()
    return {
        "source": "torch",
        **label,
        "median": times[len(times) // 2],
        "least": times[0],
        "most": times[-1],
        "times": len(times),
    }


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, device=DEVICE)


def chain(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt(torch.exp(torch.tanh(x * 1.5 + 0.25) * x) + 1) * 0.5


@torch.no_grad()
def kernels() -> list[dict]:
    figures = []
    for size in (512, 1024, 2048, 4096):
        a, b = normal(size, size), normal(size, size)
        label = {"group": "matmul", "name": f"{size}", "operations": 2 * size**3}
        figures.append(timed({**label, "x": size}, lambda: a @ b, 10))
    rows, columns = 16384, 4096
    x, weight, bias = normal(rows, columns), normal(columns), normal(columns)
    work = {
        "copy": lambda: x + 0.5,
        "softmax": lambda: torch.softmax(x, -1),
        "layer norm": lambda: F.layer_norm(x, (columns,), weight, bias),
        "RMS norm": lambda: F.rms_norm(x, (columns,), weight),
    }
    for name, once in work.items():
        label = {"group": "rows", "name": f"{name} {rows}x{columns}"}
        figures.append(timed({**label, "bytes": 8 * rows * columns}, once, 10))
    del x
    count = 2**28
    y = normal(count // 1024, 1024)
    for name, once in {
        "chain of 8 on 256 M": lambda: chain(y),
        "copy of 256 M": lambda: y + 0.5,
    }.items():
        label = {"group": "rows", "name": name, "bytes": 8 * count}
        figures.append(timed(label, once, 10))
    return figures


@torch.no_grad()
def lora() -> list[dict]:
    figures = []
    for features in (512, 1024, 2048):
        x, w = normal(ROWS, features), normal(features, features)
        a, b = normal(features, 8), normal(8, features)
        delta = 4 * ROWS * features * 8
        label = {"name": f"{features} r 8", "x": features}
        figures.append(
            timed(
                {"group": "LoRA delta", **label, "operations": delta},
                lambda: (x @ a * SCALING) @ b,
                50,
            )
        )
        operations = delta + 2 * ROWS * features**2
        figures.append(
            timed(
                {"group": "LoRA linear", **label, "operations": operations},
                lambda: x @ w.T + (x @ a * SCALING) @ b,
                50,
            )
        )
    return figures


def language_model(folder: str):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = model.to(DEVICE)
    config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")
    return get_peft_model(model, config)


def training(folder: str, rows: int, length: int, name: str, compiled: bool) -> dict:
    model = language_model(folder)
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=compiled and CUDA)
    vocabulary = model.config.vocab_size
    count = rows * length
    ids = torch.tensor([(i * 37) % vocabulary for i in range(count)], device=DEVICE)
    ids = ids.reshape(rows, length)

    def loss_of() -> torch.Tensor:
        return model(input_ids=ids, labels=ids).loss

    forward = torch.compile(loss_of, mode="reduce-overhead") if compiled else loss_of

    def step() -> float:
        if compiled:
            torch.compiler.cudagraph_mark_step_begin()
        loss = forward()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    for _ in range(6 if compiled else 3):
        step()
    source = "torch compiled" if compiled else "torch"
    label = {"group": "training", "name": name, "source": source, "tokens": count}
    return timed(label, step, 1, 1.5)


@torch.no_grad()
def decoding(folder: str) -> dict:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = model.to(DEVICE).eval()
    prompt = torch.tensor([[(i * 37) % 950 for i in range(24)]], device=DEVICE)
    tokens = 120

    def generate() -> None:
        model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
        )

    label = {"group": "decoding", "name": "tickets, one sequence"}
    figure = timed({**label, "source": "transformers"}, generate, 1, 2.0)
    each = {key: figure[key] / tokens for key in ("median", "least", "most")}
    return {**figure, **each, "tokens": 1}


def attempt(figures: list[dict], notes: list[str], name: str, work) -> None:
    """Keeps what there is if a part fails, and says so."""
    try:
        found = work()
        figures.extend(found if isinstance(found, list) else [found])
    except Exception as error:  # noqa: BLE001
        notes.append(f"{name}: {type(error).__name__} {str(error)[:200]}")
    if CUDA:
        torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets")
    parser.add_argument("--large")
    parser.add_argument("--only", choices=["large"])
    given = parser.parse_args()
    figures: list[dict] = []
    notes: list[str] = []
    if given.only is None:
        attempt(figures, notes, "kernels", kernels)
        attempt(figures, notes, "lora", lora)
    if given.tickets:
        name = "tickets, 16 rows of 72"
        for compiled in (False, True):
            attempt(
                figures,
                notes,
                f"training, compiled {compiled}",
                lambda c=compiled: training(given.tickets, 16, 72, name, c),
            )
        attempt(figures, notes, "decoding", lambda: decoding(given.tickets))
    if given.large:
        name = "24 layers of 896, one row of 512"
        attempt(
            figures,
            notes,
            "large",
            lambda: training(given.large, 1, 512, name, False),
        )
    card = torch.cuda.get_device_name() if CUDA else "CPU"
    about = "; ".join([f"PyTorch {torch.__version__}, {card}", *notes])
    sys.stdout.write(f"\n@@{json.dumps({'figures': figures, 'about': about})}\n")


main()
