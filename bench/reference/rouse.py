import time

import torch


def rouse() -> None:
    """Keeps a GPU busy for half a second, as bench/rouse.ts does.

    One that was idle, while something was compiled, has a low clock.
    """
    if not torch.cuda.is_available():
        return
    x = torch.randn(2048, 2048, device="cuda")
    end = time.perf_counter() + 0.5
    while time.perf_counter() < end:
        for _ in range(20):
            x @ x
        torch.cuda.synchronize()
