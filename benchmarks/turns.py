"""The two sides of benchmarks/against_adapters.py, which train in turn: what both must have in common.

It runs in both environments, so that it imports neither this project nor `adapters`.
"""

import json
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# The shape of XLM-R base (its config.json).
VOCABULARY, HIDDEN, LAYERS, HEADS, INTERMEDIATE, POSITIONS = 250_002, 768, 12, 12, 3072, 514
BOTTLENECKS = {"language": 384, "task": 48}  # paper: section 3.3
MASKED = 0.15  # ours: BERT's share (Devlin et al. 2019), as in conf/
BLOCKS = (8, 128)  # paper: A.3
BATCH = {"xnli": 32, "udpos": 16, "wikiann": 16}  # paper: A.3
LABELS = {"xnli": 3, "udpos": 17, "wikiann": 7}
# ours: subwords per row, as random_runs.py has them, spread as sentences of English are
WIDTH = {"xnli": 45, "udpos": 25, "wikiann": 14}
SPREAD = 0.5  # ours: standard deviation of the logarithm of a length


def lengths(task: str, count: int = 4000) -> NDArray[np.int64]:
    """Draws the lengths of a training set, the same on both sides."""
    mean = np.log(WIDTH[task]) - SPREAD**2 / 2
    return np.clip(np.random.default_rng(0).lognormal(mean, SPREAD, count), 3, 128).astype(np.int64)


def wait_for_turn() -> bool:
    """Waits for the driver, and says whether another iteration is wanted."""
    return sys.stdin.readline().strip() == "go"


def answer(seconds: float) -> None:
    """Tells the driver an iteration's seconds, and this process's peak memory in GB; 0 seconds when it is ready."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({"seconds": seconds, "memory": memory}), flush=True)


def seconds_of(iteration: Callable[[], object]) -> float:
    start = time.perf_counter()
    iteration()
    return time.perf_counter() - start
