"""Names of a user's choice as W&B takes them, checked by W&B's own rules."""

from pathlib import Path

import pytest
import wandb
from wandb.sdk.artifacts._internal_artifact import InternalArtifact

from orthoadapters.config.compose import compose_config
from orthoadapters.runs.wandb_names import LONGEST_ID_WITH_TABLES, safe_id, safe_key, safe_tags, short
from orthoadapters.runs.weights_and_biases import log_report, log_sweep, run_tags
from tests.helpers.wandb_records import records

ODD = ["a b", "a#b", "müller", "a:b;c,d'e", "-" * 70, "x" * 70, "語" * 50, " a ", "a/b\\c?%"]


@pytest.mark.parametrize("text", ODD)
def test_ids_and_tags_of_any_text_are_taken_by_wandb(text: str) -> None:
    run_id = safe_id(f"{text}-xnli-t_noo-lr5e-05-seed0-1f0c9a3e")
    settings = wandb.Settings(run_id=run_id, run_tags=tuple(safe_tags([text, "", text])))
    assert settings.run_tags is not None
    assert len(settings.run_tags) == 1
    assert len(run_id) <= 128
    assert not set(run_id) & set("/\\#?%: ")
    assert run_id.isascii()


@pytest.mark.parametrize("name", ["xlmr_base-xnli-lort_tort-lr5e-05-ort1e-07-seed0-1f0c9a3e", "report-tiny-xnli"])
def test_an_id_that_wandb_takes_stays_as_it_is(name: str) -> None:
    assert safe_id(name) == name


def test_two_texts_stay_two() -> None:
    texts = [*ODD, "x" * 71, "a-b", "m-ller", "möller"]
    for made in (lambda text: safe_id(text, 60), lambda text: short(text, 20)):
        assert len({made(text) for text in texts}) == len(texts)


def test_the_tags_of_a_run_name_its_domain() -> None:
    stage, choice = ["stage=mlm", "variant=lort_tnoo", "language=sw"], ["domain.name=news", "domain.root=texts"]
    assert run_tags(compose_config(stage)) == ["mlm", "lort", "sw", "xlmr_base", "seed0"]
    tags = ["mlm", "dnoo", "sw", "xlmr_base", "seed0", "domain news", "draft"]
    assert run_tags(compose_config([*stage, *choice, "logger.tags=[draft]"])) == tags


@pytest.mark.parametrize("length", [1, LONGEST_ID_WITH_TABLES])
def test_the_artifact_of_a_table_has_a_name_that_wandb_takes(length: int) -> None:
    run_id = "r" * length
    InternalArtifact(f"run-{run_id}-{safe_key('tables/significance-' + 'x' * 150, run_id)}", "run_table")


def test_a_report_and_a_sweep_of_a_backbone_with_a_long_odd_name_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = "a b #ü" + "x" * 100
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "dir"))
    tables = {f"significance-xnli-{backbone}": (["a"], [["1"]]), f"xnli-{backbone}": (["a"], [["2"]])}
    log_report(tmp_path / "out", "mine", None, "g" * 200, [backbone], tables, {})
    report = records(tmp_path / "dir")
    assert report["exit"] == 0
    assert len(report["summary"].keys() & {safe_key(f"tables/{name}", report["id"]) for name in tables}) == 2
    assert not (tmp_path / "out").exists()  # W&B's files are where WANDB_DIR says

    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "sweep"))
    config = compose_config(["logger.tags=[draft]", f"paths.runs={tmp_path}/runs"])
    config.backbone.name, config.sweep.name = backbone, "demo"
    log_sweep(config, ["#"], [["1"]], {"finished": 1})
    sweep = records(tmp_path / "sweep")
    assert (sweep["group"], sweep["tags"], sweep["summary"]["finished"], sweep["exit"]) == ("demo", {"draft"}, 1, 0)
