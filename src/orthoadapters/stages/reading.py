"""The reading of data and texts before anything is trained: in plans, before a sweep's first cell, and before the language
adapters that a task run trains first.

What is read is not kept. That takes seconds, and what is trained next takes hours.
"""

from collections.abc import Hashable, Sequence

from orthoadapters.config.compose import task_language
from orthoadapters.config.schema import Config, CorpusSource, Period, Stage
from orthoadapters.data.sources.hub import is_here
from orthoadapters.data.sources.read import read_examples, silence
from orthoadapters.errors import MissingSplitError, UserError
from orthoadapters.stages.backbone_fit import look_at_turns
from orthoadapters.stages.inventory import raise_all, sets_of


def read_local_data(configs: Sequence[Config]) -> None:
    """Does as `read_data` for the runs of a task whose data are on this machine: files, or in the cache of `datasets`."""
    read_data([config for config in configs if config.stage is Stage.task and _is_here(config)])


def _is_here(config: Config) -> bool:
    """Says whether all data of a run can be read without fetching them. A plan asks no network."""
    languages = (task_language(code, config.paths.config) for code in config.evaluated_languages)
    return config.data.source != "hub" or all(is_here(config.task, one, not config.plan) for one in languages)


def read_data(configs: Sequence[Config]) -> None:
    """Reads all labelled data of task runs, those that they share once.

    Raises UserError for what is wrong in them, as the runs themselves would later.
    """
    former: set[Hashable] = set()
    for config in configs:
        for code, split, is_optional in sets_of(config):
            key = (repr(config.data), repr(config.task), split, code)
            if key in former:
                continue
            former.add(key)
            try:
                with silence():
                    read_examples(config.data, config.task, split, task_language(code, config.paths.config))
            except MissingSplitError:
                if not is_optional:
                    raise


def count_batches(config: Config) -> None:
    """Cuts the training data of a task run whose unfreezing counts iterations, as their number is known only then.

    Raises UserError if the training ends before all layers of the adapter are trained.
    """
    if config.stage is Stage.task and config.unfreeze.per is Period.iteration:
        from orthoadapters.model.backbone import backbone_path
        from orthoadapters.stages.frame import task_data  # it loads PyTorch

        look_at_turns(config, task_data(config, backbone_path(config), []).iterations)


def cut_texts(configs: Sequence[Config]) -> None:
    """Cuts the text files of language adapters into the blocks that their runs take from the cache.

    Raises UserError naming each text that is too short or no UTF-8 where a run reads it, before any of them is trained.
    """
    from orthoadapters.stages.language_adapter import text_data  # it loads PyTorch

    problems = []
    for config in configs:
        if config.corpus.source is CorpusSource.text:
            try:
                _ = text_data(config).blocks
            except UserError as error:
                problems.append(str(error))
    raise_all(problems)
