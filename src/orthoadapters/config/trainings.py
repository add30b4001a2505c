"""The overrides of stage=mlm that train an adapter which another run lacks, made of the overrides of that run."""

from collections.abc import Sequence

from orthoadapters.config.compose import language_overrides, user_folder

# The choices of a task run that the training of a language adapter does not share.
_OF_TASK_RUNS = tuple(
    "stage= language= task= data= task. data. optim. unfreeze. languages= seed= plan= transfer= transfer. domain= domain. "
    "language_adapters.missing= language_adapters.source= trainer.max_epochs= trainer.patience=".split()
)
# The training of a domain adapter shares these: it reads the language adapter, as the task run does.
_OF_DOMAINS = ("domain=", "domain.", "language_adapters.source=")


def mlm_overrides(run_overrides: Sequence[str], language: str, *, of_domain: bool = False) -> list[str]:
    """Writes the overrides that train the adapter which a run with `run_overrides` needs for `language`.

    of_domain: it is the domain's adapter on that language's. The seed is left out: one adapter serves the task runs of
    every seed.
    """
    omissions = tuple(start for start in _OF_TASK_RUNS if not (of_domain and start in _OF_DOMAINS))
    common_overrides = [override for override in run_overrides if not override.lstrip("+").startswith(omissions)]
    return ["stage=mlm", *common_overrides, *language_overrides(language, user_folder(run_overrides))]
