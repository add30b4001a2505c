"""Labelled examples from the Hugging Face Hub, or from a local folder in its layout (which is what the tests read)."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orthoadapters.config.schema import LanguageConfig, TaskConfig, TaskKind
from orthoadapters.errors import MissingSplitError, UserError, first_line
from orthoadapters.examples import Example, SentencePair, TaggedSentence
from orthoadapters.hub.offline import FETCH, NotFetchedError, from_hub

HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
TAG_COLUMNS = ("ner_tags", "pos_tags")  # unimelb-nlp/wikiann, google/xtreme

# The order of the classes, from the dataset cards, for copies that store integers without names.
HUB_LABELS = {
    "xnli": ("entailment", "neutral", "contradiction"),
    "wikiann": ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"),
    "udpos": (
        "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
        "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
    ),
}  # fmt: skip


def read_hub(task: TaskConfig, split: str, language: LanguageConfig, limit: int | None) -> tuple[list[Example], str]:
    """The first `limit` examples of one split, and where they are from.

    Raises MissingSplitError if the language has no such split, and UserError if they cannot be loaded or hold an unknown
    label.
    """
    config = language.udpos if task.name == "udpos" else language.code
    if config is None:
        raise UserError(
            f"{task.hub_id} has no {task.name} data for {language.code}; "
            "leave it out of languages=[...] or use data=xtreme data.root=DIR"
        )
    place = f"{task.hub_id} (config {config}, split {HUB_SPLITS[split]})"
    otherwise = "use data=xtreme data.root=DIR, or "
    dataset = load(task.hub_id, config, split=HUB_SPLITS[split], revision=task.hub_revision, otherwise=otherwise)
    if limit is not None:
        dataset = dataset.select(range(min(limit, len(dataset))))
    tags = next((name for name in TAG_COLUMNS if name in dataset.column_names), "ner_tags or pos_tags")
    needed = ("premise", "hypothesis", "label") if task.kind is TaskKind.sentence_pair else ("tokens", tags)
    if missing := [name for name in needed if name not in dataset.column_names]:
        raise UserError(f"{place} has columns {', '.join(dataset.column_names)} but no {missing[0]}; check task.hub_id")
    columns = dataset.select_columns(list(needed))[:]
    label_of = _Labels(dataset.features[needed[-1]], task, place)
    if task.kind is TaskKind.sentence_pair:
        rows = zip(columns["premise"], columns["hypothesis"], columns["label"], strict=True)
        return [SentencePair(p, h, label_of(value, row)) for row, (p, h, value) in enumerate(rows)], place
    sentences = enumerate(zip(columns["tokens"], columns[tags], strict=True))
    return [_tagged(words, values, label_of, row, place) for row, (words, values) in sentences], place


def unknown_label(place: str, label: object, task: TaskConfig) -> str:
    """The sentence about a label that task.labels does not have."""
    return f"{place}: unknown label {label!r}; the labels of task={task.name} are {', '.join(task.labels)}"


def load(dataset_id: str, config: str, *, revision: str | None = None, otherwise: str = "", **options: Any) -> Any:
    """`datasets.load_dataset`, with every way in which it fails turned into one sentence."""
    import datasets  # slow to import, and only needed here

    what = f"{dataset_id} (config {config}, split {options.get('split')})"
    if Path(dataset_id).is_dir() and not options.get("streaming"):
        try:
            # datasets 5.2 knows a local folder by its last name and config alone, and gives what it once read there
            with tempfile.TemporaryDirectory() as scratch, _split_of(what):
                return datasets.load_dataset(dataset_id, config, cache_dir=scratch, keep_in_memory=True, **options)
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise UserError(f"could not load {what}: {first_line(error)}; check what the folder holds") from error
    with from_hub(what, otherwise), _split_of(what):
        loaded = datasets.load_dataset(dataset_id, config, revision=revision, **options)
    for file in getattr(loaded, "cache_files", []):  # without a network, datasets takes whatever revision it has
        held = Path(file["filename"]).parent
        if revision is not None and held.name != revision:
            raise NotFetchedError(
                f"{what}: {held} holds revision {held.name[:8]} and not {revision[:8]}, which this run asks for; delete that "
                f"folder, and fetch the other where there is a network, with: {FETCH}"
            )
    return loaded


@contextmanager
def _split_of(what: str) -> Iterator[None]:
    """Tells a split that is not there from all else that datasets raises ValueError for."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith(("Unknown split", "Bad split")):  # datasets 5.2, from its cache and from files
            raise MissingSplitError(f"could not load {what}: {first_line(error)}; leave the language out") from error
        raise


def _tagged(words: Sequence[str], values: Sequence[Any], label_of: "_Labels", row: int, place: str) -> TaggedSentence:
    if len(words) != len(values):
        raise UserError(
            f"{place}, row {row}: {len(words)} words but {len(values)} tags; the data set is damaged, load it again"
        )
    return TaggedSentence(tuple(words), tuple(label_of(value, row) for value in values))


class _Labels:
    """Class integers or strings of one column to names that task.labels knows."""

    def __init__(self, feature: Any, task: TaskConfig, place: str) -> None:
        feature = getattr(feature, "feature", feature)  # a list of classes, or one class
        names: Sequence[str] = getattr(feature, "names", None) or HUB_LABELS.get(task.name, tuple(task.labels))
        self.task, self.place = task, place
        known = set(task.labels)
        self.names: dict[Any, str] = {number: name for number, name in enumerate(names) if name in known}
        self.names.update({name: name for name in known})
        self.all_names: dict[Any, str] = dict(enumerate(names))

    def __call__(self, value: Any, row: int) -> str:
        if value not in self.names:
            raise UserError(unknown_label(f"{self.place}, row {row}", self.all_names.get(value, value), self.task))
        return self.names[value]
