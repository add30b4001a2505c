"""The checks: what cannot be run is refused before anything is read, with a sentence that names key and fix."""

import pytest

from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config
from orthoadapters.errors import UserError


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["trainer.precision=16-mixed"], "use bf16-mixed"),
        (["trainer.precision=bf16-true"], "lost in bf16 weights"),
        (["stage=mlm", "variant=t_noo"], "has no language adapter to train"),
        (
            ["variant=t_noo", "variant.language_adapter=noo", "variant.task_adapter=none"],
            "none of the paper's variants",
        ),
        (["languages=[swa]"], "unknown language 'swa', did you mean 'sw'"),
        (["source_language=xx"], "unknown language 'xx'; conf/language/ has ar, de, en"),
        (["variant=t_noo", "variant.task_adapter=ort"], "is variant=t_ort; choose that one"),
        (["seed=-1"], "must lie between 0 and"),
        (["optim.lr=0"], "optim.lr=0.0 must be greater than 0"),
        (["data.limit_test=0"], "must be greater than 0"),
        (["trainer.accelerator=tpu"], "not one of auto, cpu, gpu"),
        (["task.metrics=[f1]"], "not one of accuracy"),
        (["mlm.mask_probability=1.5"], "must lie between 0 and 1"),
        (["task.max_length=4"], "leaves no room for words"),
    ],
)
def test_impossible_combinations_are_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(compose_config(overrides))
