"""The languages that a finished run can label; what it lacks, and a warning where nothing says how words are split."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orthoadapters.config.command import adapter_command
from orthoadapters.config.compose import group_files
from orthoadapters.config.kinds import KINDS
from orthoadapters.config.schema import Config
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.language_adapter import LanguageAdapter

if TYPE_CHECKING:
    from orthoadapters.labelling.finished_run import FinishedRun

log = logging.getLogger(__name__)


def list_languages(run: "FinishedRun") -> Iterator[str]:
    """Yields a line per language that can be labelled or that was tested: its code, its score or what is wrong."""
    metric, variant = run.config.task.metrics[0], run.config.variant
    available = [a.language for a in library.available_adapters(run.config)] if run.swaps_languages else []
    for language in dict.fromkeys([*run.result.test, *available]):
        scores = run.result.test.get(language)
        score = "not evaluated" if scores is None else f"{metric} {100 * scores[metric]:.2f} (n = {scores['n']})"
        is_there = not run.swaps_languages or language in available
        yield f"{language}\t{score}" + ("" if is_there else f"; no adapter {run.search_place}")
    if not run.swaps_languages:
        why = f"transfer.under={run.under.value} needs no adapter of its own"
        why = why if variant.has_language_adapter else f"variant={variant.name} has no language adapter"
        yield f"any other\t{why}; the code decides how words are split"


def warn_of_words(run: "FinishedRun", language: str) -> None:
    """Warns where no file says how the language's words are split: any code will do, or the user's folder is gone."""
    folder = run.config.paths.config
    is_gone = folder is not None and not Path(folder).is_dir()
    is_clear = language in group_files("language", folder) or (run.swaps_languages and not is_gone)
    if is_clear or not KINDS[run.config.task.kind].per_word:
        return
    where = f"the run's folder of your own files, {folder}, is not there, and " if is_gone else ""
    fix = " (--config-dir DIR names the folder)" if is_gone else ""
    text = "%sconf/language/ has no '%s': its words are split as those of no language in particular%s"
    log.warning(text, where, language, fix)


def missing_domain(config: Config, adapter: LanguageAdapter, option: str) -> str:
    """Says that a domain adapter is not there, and how to train it. option: what names another folder of adapters."""
    command = adapter_command(config, adapter.language, of_domain=True)
    return (
        f"no {adapter.role}: {adapter.location} is missing; {option} names another place, and this trains it: {command}"
    )
