"""What reads a file, by kind of file, for `fuzz`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from orthoadapters.config.schema import DataConfig, FileFormat, FilesConfig, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.model.shape import Shape


def reader(target: str) -> tuple[str, Callable[[Path], object]]:
    """Returns the name of a kind's file, and what reads it. It imports no more than that, as all of it is instrumented."""
    match target:
        case "xtreme" | "pairs" | "jsonl" | "csv":
            return "test-en.tsv", _of_examples(target)
        case "columns":
            from orthoadapters.data.sources.columns import read_columns

            columns = replace(_task(), files=FilesConfig(separator="space", comment="#"))
            return "rows", lambda path: list(read_columns(path, columns))
        case "conllu":
            from orthoadapters.data.sources.conllu import read_treebank

            task = replace(_task(), labels=["NOUN", "VERB", "PROPN", "X"])
            return "en_x-ud-test.conllu", lambda path: read_treebank(path, task, fuse=True)
        case "text":
            from orthoadapters.data.sources.text import text_passages

            return "en.txt", lambda path: list(text_passages(path, 0))
        case "adapter":
            from orthoadapters.model.adapterhub.config import read_config as read_adapter

            return "adapter_config.json", lambda path: read_adapter(path.parent, _shape())
        case "head":
            from orthoadapters.model.adapterhub.heads import read as read_head

            return "head_config.json", lambda path: read_head(path.parent, SimpleNamespace(shape=_shape()))
        case "tensors":
            from orthoadapters.hub.adapters import check_files

            return "adapter.safetensors", lambda path: check_files(path.parent)
        case "sums":
            from orthoadapters.checksums import check_sums

            return "SHA256SUMS", lambda path: check_sums(path.parent, "mend it")
        case _:
            return _of_records(target)


def _of_records(target: str) -> tuple[str, Callable[[Path], object]]:
    match target:
        case "result":
            from orthoadapters.runs.results import read_result

            return "result.json", read_result
        case "evaluation":
            from orthoadapters.runs.evaluations import read_evaluation

            return "evaluation.json", lambda path: read_evaluation(path.parent)
        case "config":
            from orthoadapters.config.recorded import read_config

            return "config.yaml", read_config
        case "curves":
            from orthoadapters.report.pictures.curves import read_curves

            return "metrics.csv", lambda path: read_curves(path)
        case "counts":
            from orthoadapters.runs.predictions import sentence_counts

            return "sentences/test-en.npz", lambda path: sentence_counts(path.parents[1], "en")
        case "tokenizer":
            from orthoadapters.hub.vocabulary import highest_id

            return "tokenizer.json", lambda path: highest_id(path.parent)
        case "language":
            from orthoadapters.config.own_files import check_file

            return "language/xq.yaml", lambda path: check_file(path, "language")
        case _:
            from orthoadapters.config.mistakes import parse_overrides

            return "words", lambda path: parse_overrides(path.read_text("utf-8", "replace").splitlines())


def _task() -> TaskConfig:
    return TaskConfig(name="fuzz", kind=TaskKind.tagging, labels=["NOUN", "VERB", "PROPN"], folder=".")


def _shape() -> Shape:
    return Shape(3, 64, 64, 70, "xlm-roberta", "tiny", 0.1)


def _of_examples(target: str) -> Callable[[Path], object]:
    """Reads rows as a task's examples: `read_examples` without the sources that load more than they need."""
    from orthoadapters.data.sources.rows import columns_of
    from orthoadapters.data.sources.tables import json_rows, table_rows
    from orthoadapters.data.sources.xtreme import read_xtreme

    files = FilesConfig(format=FileFormat.csv, columns={"first": "a", "second": "b", "label": "c"})
    pairs = replace(_task(), kind=TaskKind.sentence_pair, labels=["neutral", "contradiction", "yes", "no"], files=files)
    pairs.label_names = {"0": "no"}

    def read(path: Path) -> object:
        if target in ("xtreme", "pairs"):
            data, language = DataConfig(source="xtreme", root=str(path.parent)), LanguageConfig(code="en", name="x")
            return read_xtreme(data, _task() if target == "xtreme" else pairs, "test", language, None)
        rows = list(json_rows(path) if target == "jsonl" else table_rows(path, files))
        return list(columns_of(pairs, rows[0][1]).examples(rows)) if rows else []

    return read
