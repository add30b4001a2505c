"""Labelled examples from the Hugging Face Hub, or from a local folder in its layout (which is what the tests read)."""

import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig, TaskKind
from orthoadapters.data.sources.lines import unknown_label
from orthoadapters.data.sources.prefixes import without_prefixes
from orthoadapters.errors import MissingSplitError, UserError, first_line
from orthoadapters.examples import Choice, Example, Sentence, SentencePair, Split, TaggedSentence
from orthoadapters.files import user_path
from orthoadapters.folders import names_in, search
from orthoadapters.hub.offline import FETCH, NotFetchedError, cache_error, datasets_cache, from_hub, is_offline

HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
# The usual columns of a kind, the label last: those of facebook/xnli, and of cambridgeltl/xcopa.
COLUMNS = {
    TaskKind.sentence_pair: ("premise", "hypothesis", "label"),
    TaskKind.sentence: ("text", "label"),
    TaskKind.multiple_choice: ("premise", "question", "choice1", "choice2", "label"),
}
# The columns that task.hub_columns names, for the sentence about another number of them.
CONTENT = {
    TaskKind.sentence_pair: "the two sentences and the label",
    TaskKind.tagging: "the words and their tags",
    TaskKind.sentence: "the sentence and the label",
    TaskKind.multiple_choice: "the premise, the question, each alternative and the label",
}
TAG_COLUMNS = ("ner_tags", "pos_tags")  # unimelb-nlp/wikiann, google/xtreme; both have the words in `tokens`
# The way out other than fetching, for the sentence where there is no network.
OTHERWISE = "use data=xtreme data.root=DIR, or "
log = logging.getLogger(__name__)


def read_hub(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Returns the first `limit` examples of one split, and where they are from.

    Raises MissingSplitError if the language has no such split, and UserError if they cannot be loaded or hold an unknown
    label.
    """
    hub_id, subset = data_set(task, language)
    place = place_of(hub_id, subset, split)
    dataset = load(hub_id, subset, split=HUB_SPLITS[split], revision=task.hub_revision, otherwise=OTHERWISE)
    if limit is not None:
        dataset = dataset.select(range(min(limit, len(dataset))))
    names = columns(task, dataset.column_names, place)
    values = dataset.select_columns(list(names))[:]
    rows = zip(*(values[name] for name in names), strict=True)
    label_of = _Labels(dataset.features[names[-1]], task, place)
    if task.kind is TaskKind.tagging:
        sentences = [_tagged_sentence(words, tags, label_of, row, place) for row, (words, tags) in enumerate(rows)]
        return without_prefixes(sentences, place), place
    return [_labelled_example(task, texts, label_of(value, row)) for row, (*texts, value) in enumerate(rows)], place


def hub_files(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Path]:
    """Lists the files of a local folder, those of the subset if their names tell; none of a data set on the Hub.

    Raises UserError if it has no such language, and NotFetchedError if it is needed without a network and not in the cache.
    """
    hub_id, subset = data_set(task, language)
    if Path(hub_id).is_absolute() and not Path(hub_id).is_dir():
        raise UserError(
            f"task.hub_id={hub_id}: there is no such folder; name one, or a data set on the Hub: OWNER/NAME"
        )
    if Path(hub_id).is_dir():
        problems: list[str] = []
        paths = [path for path in search(Path(hub_id), lambda _: True, problems) if path.is_file()]
        for problem in problems:
            log.warning("%s", problem)
        return [path for path in paths if subset in path.relative_to(hub_id).as_posix()] or paths
    if is_offline() and not any(cached_data(hub_id, subset)):
        raise cache_error(place_of(hub_id, subset, split), OTHERWISE)
    return []


def place_of(hub_id: str, subset: str, split: Split) -> str:
    """Names a split of a subset, as `datasets` calls them."""
    return f"{hub_id} (config {subset}, split {HUB_SPLITS[split]})"


def cached_data(hub_id: str, subset: str) -> Iterator[Path]:
    """Finds a subset where `datasets` keeps it, which writes the data set's name in small letters with underscores."""
    cache = datasets_cache()
    name = hub_id.replace("/", "").replace("_", "").lower()
    for folder in names_in(cache):
        if folder.replace("_", "").lower() == name:
            yield from (cache / folder / subset).glob("*/*/")


def is_here(task: TaskConfig, language: LanguageConfig, may_ask: bool) -> bool:
    """Says whether a language's subset can be read without fetching it: of a local folder, or from the cache.

    may_ask: the Hub may be asked whether the cache is up to date, as `datasets` does where there is a network.
    """
    hub_id, subset = data_set(task, language)
    if Path(hub_id).is_dir():
        return True
    folders = list(cached_data(hub_id, subset)) if may_ask or is_offline() else []
    return bool(folders) and task.hub_revision in (None, newest(folders).name)


def newest(folders: Iterable[Path]) -> Path:
    """Returns the folder that changed last, which of several in its cache `datasets` loads without a network."""
    return max(folders, key=lambda folder: folder.stat().st_mtime)


def _labelled_example(task: TaskConfig, texts: Sequence[str], label: str) -> Example:
    """Makes an example with one label of the texts of its columns."""
    if task.kind is TaskKind.sentence_pair:
        return SentencePair(texts[0], texts[1], label)
    if task.kind is TaskKind.sentence:
        return Sentence(texts[0], label)
    premise, question, *alternatives = texts
    return Choice(premise, task.questions.get(question, question), tuple(alternatives), label)


def data_set(task: TaskConfig, language: LanguageConfig) -> tuple[str, str]:
    """Names the data set's id, and the language's subset of it. Raises UserError if there is none."""
    if task.hub_id is None:
        raise UserError(f"task={task.name} names no data set on the Hub; set task.hub_id, or choose another data=...")
    # Where subsets have names of their own, a language without a line has none.
    has_names = any(code != name for code, name in task.hub_subsets.items())
    subset = task.hub_subsets.get(language.code) if has_names else language.code
    if subset is None:
        raise UserError(
            f"task.hub_subsets of {task.name} names no subset of {task.hub_id} for {language.code}; if there is one, add "
            f"++task.hub_subsets.{language.code}=SUBSET, or else leave {language.code} out of languages=[...]"
        )
    return str(user_path(task.hub_id)) if task.hub_id.startswith("~") else task.hub_id, subset


def columns(task: TaskConfig, available: Collection[str], place: str) -> tuple[str, ...]:
    """Names the columns to read: the texts or the words of an example, and its label or tags at the end.

    available: those of the data. place: where these are, for the sentence. Raises UserError for a column that is not there.
    """
    if task.hub_columns:
        names = own_columns(task)
    elif task.kind is TaskKind.tagging:
        names = "tokens", next((name for name in TAG_COLUMNS if name in available), " or ".join(TAG_COLUMNS))
    else:
        names = COLUMNS[task.kind]
    if missing := [name for name in names if name not in available]:
        raise UserError(
            f"{place} has columns {', '.join(available)} but no {missing[0]}; check task.hub_id and task.hub_columns"
        )
    return names


def own_columns(task: TaskConfig) -> tuple[str, ...]:
    """Returns task.hub_columns. Raises UserError if they are not as many as the task's kind needs."""
    counts = {TaskKind.sentence_pair: 3, TaskKind.multiple_choice: 3 + len(task.labels)}
    count = counts.get(task.kind, 2)
    if len(task.hub_columns) != count:
        raise UserError(
            f"task.hub_columns=[{', '.join(task.hub_columns)}] must name {count} columns: {CONTENT[task.kind]}"
        )
    return tuple(task.hub_columns)


def class_names(feature: Any) -> list[str] | None:
    """Returns the names of a feature's classes, or of those in its lists; None if it has no classes."""
    return getattr(getattr(feature, "feature", feature), "names", None)


def load(dataset_id: str, config: str, *, revision: str | None = None, otherwise: str = "", **options: Any) -> Any:
    """Calls `datasets.load_dataset`, and turns every way in which it fails into one sentence."""
    import datasets  # slow to import, and only needed here

    what = f"{dataset_id} (config {config}, split {options.get('split')})"
    if Path(dataset_id).is_dir() and not options.get("streaming"):
        # datasets 5.2 caches a local folder by its last path part and subset alone, and would return the data of another
        # folder, or what this one held before.
        with folder_errors(what), tempfile.TemporaryDirectory() as scratch, _split_of(what):
            return datasets.load_dataset(dataset_id, config, cache_dir=scratch, keep_in_memory=True, **options)
    with from_hub(what, otherwise), _split_of(what):
        dataset = datasets.load_dataset(dataset_id, config, revision=revision, **options)
    for file in getattr(dataset, "cache_files", []):
        check_revision(Path(file["filename"]).parent, revision, what)
    return dataset


def check_revision(folder: Path, revision: str | None, what: str) -> None:
    """Refuses another revision in the cache: without a network, `datasets` takes whatever it has."""
    if revision is not None and folder.name != revision:
        raise NotFetchedError(
            f"{what}: {folder} holds revision {folder.name[:8]} and not {revision[:8]}, which this run asks for; "
            f"delete that folder, and fetch the other where there is a network, with: {FETCH}"
        )


@contextmanager
def folder_errors(what: str) -> Iterator[None]:
    """Turns the errors of `datasets` on a local folder into one sentence."""
    import datasets

    try:
        yield
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(f"could not load {what}: {first_line(error)}; check what the folder holds") from error


@contextmanager
def _split_of(what: str) -> Iterator[None]:
    """Turns the ValueError about a split that does not exist into MissingSplitError, and no other one."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith(("Unknown split", "Bad split")):  # datasets 5.2, from its cache and from files
            raise MissingSplitError(f"could not load {what}: {first_line(error)}; leave the language out") from error
        raise


def _tagged_sentence(
    words: Sequence[str], values: Sequence[Any], label_of: "_Labels", row: int, place: str
) -> TaggedSentence:
    if len(words) != len(values):
        raise UserError(
            f"{place}, row {row}: {len(words)} words but {len(values)} tags; the data set is damaged, load it again"
        )
    return TaggedSentence(tuple(words), tuple(label_of(value, row) for value in values))


class _Labels:
    """The names of one column's labels, which may be stored as strings or as numbers of classes.

    Numbers without names are those of task.labels, which has the order of the data set's card.
    """

    def __init__(self, feature: Any, task: TaskConfig, place: str) -> None:
        names: Sequence[str] = class_names(feature) or tuple(task.labels)
        self.task, self.place = task, place
        labels = {label: label for label in task.labels} | task.label_names
        self.names: dict[Any, str] = {number: labels[name] for number, name in enumerate(names) if name in labels}
        self.names.update(labels)
        self.all_names: dict[Any, str] = dict(enumerate(names))

    def __call__(self, value: Any, row: int) -> str:
        if value not in self.names:
            raise UserError(unknown_label(f"{self.place}, row {row}", self.all_names.get(value, value), self.task))
        return self.names[value]
