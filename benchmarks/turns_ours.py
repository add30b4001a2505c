"""This project's side of benchmarks/against_adapters.py: python turns_ours.py KIND

An iteration is Lightning's, from the start of a batch to its end.
"""

import sys
import tempfile
import time
from contextlib import suppress
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
from bench import MeasurementEnd, configuration
from random_runs import SPECIAL, random_training
from turns import BATCH, LABELS, VOCABULARY, answer, lengths, wait_for_turn

from orthoadapters.data.batching import BatchLoader, Epochs
from orthoadapters.data.windows import Windows
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.training.fit import fit

# ours: more iterations than anybody waits for
ENDLESS = 10**6


class Turns(pl.Callback):
    """Trains one iteration for each turn."""

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        if not wait_for_turn():
            raise MeasurementEnd
        self.start = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        answer(time.perf_counter() - self.start)


def windows(task: str) -> Windows:
    rng, is_pair = np.random.default_rng(0), task == "xnli"
    ids = [rng.integers(SPECIAL, VOCABULARY - 1, length, dtype=np.int32) for length in lengths(task)]
    labels = [np.asarray(rng.integers(LABELS[task], size=() if is_pair else len(row))) for row in ids]
    names = tuple(map(str, range(LABELS[task])))
    return Windows(ids, labels, np.arange(len(ids)), len(ids), names, 0, 0)


def main(kind: str) -> None:
    task = kind.split()[0]
    with tempfile.TemporaryDirectory() as folder:
        config = configuration(kind, folder, "32-true")
        config.trainer.accelerator = "cpu"
        training, run = random_training(config, "base", ENDLESS), RunDirectory(config)
        if task != "mlm":
            training.data.training = Epochs(BatchLoader(windows(task), BATCH[task], 1, 0, shuffle=True), ENDLESS)
        answer(0)
        with suppress(MeasurementEnd), run.open({}):
            fit(config.trainer, run, training.module, cast(Any, training.data), kind, [Turns()])


if __name__ == "__main__":
    main(sys.argv[1])
