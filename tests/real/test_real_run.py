"""The whole road on real data with a small real backbone: language adapters, task adapter, swap, scores."""

from pathlib import Path

import pytest

from tests.helpers.shared import SHARED
from tests.helpers.short_runs import execute, overrides

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("task", "languages", "metric", "chance"),
    [("udpos", "[tr]", "accuracy", 0.2), ("wikiann", "[sw]", "f1", 0.0), ("xnli", "[ar]", "accuracy", 0.25)],
)
def test_a_short_run_learns_something_in_english_and_scores_the_target(
    task: str, languages: str, metric: str, chance: float, tmp_path: Path
) -> None:
    arguments = overrides(
        SHARED / "backbones/mini-xlmr",
        SHARED / "data",
        tmp_path,
        "variant=lort_tort",
        f"task={task}",
        f"languages={languages}",
        "data.limit_train=300",
        "data.limit_dev=100",
        "data.limit_test=100",
        "optim.lr=3e-3",
        "optim.ort_lr=1e-4",
        "mlm.lr=1e-3",
        "mlm.ort_lr=1e-4",
        "trainer.max_iterations=5",
    )
    for code in ("en", languages.strip("[]")):
        adapter_result = execute([*arguments, "stage=mlm", f"language={code}", "mlm.block_length=128"])
        assert (
            adapter_result.test[code]["mlm_loss"] < 8
        )  # the mini backbone has seen these languages: ln(16,000) is 9.7
    result = execute(arguments)
    assert list(result.test) == ["en", languages.strip("[]")]
    assert result.test["en"][metric] > chance
    assert result.test["en"]["n"] == 100
