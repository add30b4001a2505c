"""A finished run that is asked for again: whether what it read is still what is there now.

inputs.json holds the SHA-256 of everything that a run read. Data are read again, as that takes seconds at most. Weights and
blocks of text take longer: they are read again only if their files were changed after the run had read them.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from orthoadapters.checksums import check_sums, stamp
from orthoadapters.config.compose import task_language
from orthoadapters.config.recorded import read_config
from orthoadapters.config.schema import Config, CorpusSource, Stage
from orthoadapters.config.under import weights_table
from orthoadapters.data.sources.read import find_examples, read_examples, silence
from orthoadapters.data.sources.text import corpus_key, has_blocks, text_file
from orthoadapters.errors import UserError
from orthoadapters.examples import Split
from orthoadapters.folders import exists, last_change
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RECORD_FILES, RunDirectory
from orthoadapters.runs.inputs import (
    backbone_files_sha256,
    blocks_sha256,
    examples_sha256,
    local_folder,
    read_inputs,
    source_set,
    table_sha256,
    weights_sha256,
)
from orthoadapters.runs.places import check_result
from orthoadapters.runs.results import read_result


def directly(function: Callable[..., Any], *arguments: object) -> Any:
    """Calls a function in this process."""
    return function(*arguments)


def check_finished_run(config: Config, run: RunDirectory, call: Callable[..., Any] = directly) -> None:
    """Checks a finished run against what is on this machine; what is not here any more is not missed.

    call: calls a function that loads PyTorch, in a process of its own if need be. Raises UserError if data, backbone, text
    or language adapters have other contents than the run read, or if the result is another run's. An MLM run publishes its
    adapter again if the library lost it.
    """
    fix = "restore it, or move the run away to repeat it"
    run.check_owner()
    check_sums(run.path, fix, RECORD_FILES)
    path = run.path / "inputs.json"
    former = read_inputs(run.path, fix) if exists(path) else {}
    changes = _changes(config, run, former, call)
    if changes:
        raise UserError(
            f"{run.path} was finished with other contents of {', '.join(changes)} than "
            f"{', '.join(dict.fromkeys(changes.values()))} now {'holds' if len(set(changes.values())) == 1 else 'hold'}; "
            "move the run away to repeat it, or choose another folder with paths.runs=DIR"
        )
    check_result(config, run.path, read_result(run.result))
    library.check_run(config, run)


def _changes(config: Config, run: RunDirectory, former: dict[str, Any], call: Callable[..., Any]) -> dict[str, str]:
    """Finds what has other contents than the run read: the names of inputs.json, and the places."""
    changes: dict[str, str] = {}
    if config.stage is Stage.task:
        for name, split, code in _sets(config):
            place, sha256 = _present_examples(config, split, code) if name in former else ("", None)
            if sha256 not in (None, former.get(name)):
                changes[name] = place
        if config.data.source == "hub":
            changes |= _other_subsets(config, run)
        text = ""
        for name, sha256 in _present_table(config).items():
            if name in former and sha256 != former[name]:
                changes[name] = str(config.transfer.weights)
    else:
        text = f"text-{config.language.code}"
    if text in former and _may_have_other_text(config, run) and call(_blocks_sha256, config) != former[text]:
        changes[text] = str(text_file(config.corpus, config.language))
    folder = local_folder(config.backbone)
    for name, sha256 in backbone_files_sha256(config.backbone).items():
        if former.get(name, sha256) != sha256:
            changes[name] = str(folder)
    if folder is not None and "backbone" in former and _is_newer(folder, run):
        sha256 = _backbone_sha256(str(folder), config.backbone.allow_pickle, last_change(folder), call)
        if sha256 != former["backbone"]:
            changes["backbone"] = str(folder)
    return changes


def _present_table(config: Config) -> dict[str, str]:
    """Hashes the file of weights; empty if it is not on this machine, or none is read."""
    table = weights_table(config.transfer)
    return table_sha256(config) if table is not None and exists(table) else {}


def _other_subsets(config: Config, run: RunDirectory) -> dict[str, str]:
    """Finds the languages whose data are in another subset on the Hub than the run read: test-LANGUAGE, and the place."""
    former, present = read_config(run.path / "config.yaml").task.hub_subsets, config.task.hub_subsets
    return {
        f"test-{code}": f"task.hub_subsets.{code}={present.get(code)}"
        for code in config.evaluated_languages
        if former.get(code) not in (None, present.get(code))
    }


def _sets(config: Config) -> Iterator[tuple[str, Split, str]]:
    """Yields the labelled sets that a task run reads: the name in inputs.json, the split and the language."""
    for code in config.source_languages:
        yield source_set("train", code, config.source_languages), "train", code
        yield source_set("dev", code, config.source_languages), "dev", code
    for code in config.evaluated_languages:
        yield f"test-{code}", "test", code
        if code not in config.source_languages:
            yield f"dev-{code}", "dev", code


def _present_examples(config: Config, split: Split, code: str) -> tuple[str, str | None]:
    """Names the place of a set, and hashes what is there now; None if it is in no file of this machine."""
    language = task_language(code, config.paths.config)
    try:
        paths = find_examples(config.data, config.task, split, language)
    except UserError:
        return "", None
    if not paths:
        return "", None
    place = str(paths[0] if len(paths) == 1 else paths[0].parent)
    key = (repr(config.data), repr(config.task), split, code, *((path, stamp(path)) for path in paths))
    if key not in _hashes:
        with silence():
            try:
                _hashes[key] = examples_sha256(read_examples(config.data, config.task, split, language))
            except UserError as error:
                # The run could read them.
                return f"{place} ({error})", ""
    return place, _hashes[key]


# By configuration, files and their stamps: dozens of cells of a sweep read the same sets.
_hashes: dict[Hashable, str] = {}


def _is_newer(path: Path, run: RunDirectory) -> bool:
    """Says whether a file or folder was changed after the run had read everything, and written inputs.json.

    A run from a time that is yet to come, by a clock that was wrong, does not know what came after it.
    """
    reading = (run.path / "inputs.json").stat().st_mtime
    return last_change(path) > reading or reading > time.time()


def _may_have_other_text(config: Config, run: RunDirectory) -> bool:
    """Says whether the text may have changed: no if the cache has the blocks of just this text, whose names hold its hash."""
    if config.corpus.source is not CorpusSource.text:
        return False
    try:
        if not _is_newer(text_file(config.corpus, config.language), run):
            return False
    except UserError:
        return False
    key = corpus_key(config.corpus, config.language, config.seed)
    return not has_blocks(Path(config.paths.cache), f"{key}-*.npy")


def _blocks_sha256(config: Config) -> str:
    """Cuts the text as a run of this configuration does, and hashes the blocks."""
    # This loads PyTorch.
    from orthoadapters.stages.language_adapter import text_data

    return blocks_sha256(text_data(config).blocks)


@cache
def _backbone_sha256(folder: str, allow_pickle: bool, change: float, call: Callable[..., str]) -> str:
    """Hashes a backbone's weights, once as long as its last change is the same."""
    return call(_hash_backbone, folder, allow_pickle)


def _hash_backbone(folder: str, allow_pickle: bool) -> str:
    from orthoadapters.model.encoder import AdaptedEncoder

    return weights_sha256(AdaptedEncoder.from_pretrained(folder, allow_pickle=allow_pickle).backbone)
