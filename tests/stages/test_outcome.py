"""Sentences on trainings that went wrong, though nothing stopped them."""

from pathlib import Path

import pytest

from orthoadapters.config.compose import compose_config
from orthoadapters.stages import frame, language_adapter, task
from orthoadapters.stages.outcome import only_label, warn_of_risen_orthogonality
from tests.helpers.short_runs import execute, overrides

MANY = 100


@pytest.mark.parametrize(
    ("predictions", "gold", "label"),
    [
        ([["neutral"]] * MANY, [["neutral"], ["entailment"]] * (MANY // 2), "neutral"),
        ([["O", "O"]] * (MANY // 2), [["O", "B-PER"]] * (MANY // 2), "O"),
        (
            [["neutral"]] * (MANY - 1),
            [["neutral"]] * (MANY - 2) + [["entailment"]],
            None,
        ),  # so few may be equal by chance
        ([["neutral"]] * MANY + [["entailment"]], [["neutral"], ["entailment"]] * (MANY // 2) + [["neutral"]], None),
        ([["O"]] * MANY, [["O"]] * MANY, None),  # and right
        ([], [], None),
    ],
)
def test_predictions_of_one_label_are_noticed(
    predictions: list[list[str]], gold: list[list[str]], label: str | None
) -> None:
    assert only_label(predictions, gold) == label


@pytest.mark.parametrize(
    ("more", "after", "sentence"),
    [
        (["variant=t_ort"], 2.0, "a lower optim.lr or a higher optim.ort_lr may mend it"),
        (["variant=t_ort", "ort.joint=1"], 2.0, "a lower optim.lr or a larger ort.joint may mend it"),
        (["variant=t_ort"], 0.5, ""),
        (["variant=t_ort"], 1.05, ""),  # a rate so low that it moves nothing
        (["variant=t_noo"], 2.0, ""),  # nothing is to lower it
        (["variant=t_ort", "orthogonality=subspace"], 2.0, ""),  # Eq. 2 was not trained
    ],
)
def test_an_orthogonality_loss_that_rose_is_said(
    more: list[str], after: float, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = compose_config(["task=udpos", "optim.lr=1e-3", *more])
    warn_of_risen_orthogonality(config, {"before": [0.4, 0.6], "after": [0.0, after]})
    assert sentence in caplog.text
    assert ("L_ORT is 2 after training and was 1 before" in caplog.text) == bool(sentence)


def test_a_task_run_says_both(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    measures = iter([[0.5, 0.5], [1.0, 1.0]])
    monkeypatch.setattr(task, "_measure_orthogonality", lambda *_: next(measures))
    monkeypatch.setattr(frame, "only_label", lambda *_: "NOUN")
    execute(overrides(backbone, world, tmp_path, "task=udpos", "variant=t_ort", "languages=[tr]"))
    assert "all predictions are the same label on the test sets of en (NOUN), tr (NOUN): " in caplog.text
    assert "L_ORT is 2 after training and was 1 before" in caplog.text


def test_a_language_adapter_says_it_too(
    backbone: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scores = {"mlm_loss": 5.0, "l_ort": 1.0}
    measures = iter([(scores, layers) for layers in ([], [0.5, 0.5], [1.0, 1.0])])  # without adapter, fresh, trained
    monkeypatch.setattr(language_adapter, "score_held_out", lambda *_, **__: next(measures))
    execute(overrides(backbone, world, tmp_path, "stage=mlm", "variant=lort_tnoo", "language=sw"))
    assert "L_ORT is 2 after training and was 1 before" in caplog.text
