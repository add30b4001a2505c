"""The caveats of the language adapters below the runs of a table: a sentence each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from orthoadapters.report.collect.settings import canonical, differing_keys, is_within
from orthoadapters.report.collect.table import Row
from orthoadapters.report.collect.trained_adapters import ADAPTER_KEYS
from orthoadapters.runs.results import Result

# Kinds of adapters differ in these by design. The seed is no such choice; iterations are compared by the steps taken.
DESIGN_KEYS = (ADAPTER_KEYS - {"seed"}) | {"trainer.max_iterations"}


class Training(NamedTuple):
    """The training of one language adapter. choices: None where its training is not among the runs."""

    language: str
    choices: dict[str, Any] | None


def adapter_caveats(rows: Sequence[Row], adapters: Mapping[str, Result]) -> Iterator[str]:
    """Yields the sentences. adapters: results of the MLM stage by the SHA-256 of the adapter that was trained."""
    rows = [row for row in rows if any(run.result.adapters for run in row.selected_runs)]
    yield from _provenance(rows)
    trainings = {row.label: _trainings(row, adapters) for row in rows}
    choices = [training.choices for several in trainings.values() for training in several]
    if choices and all(one is None for one in choices):
        yield (
            f"How the language adapters of {', '.join(trainings)} were trained (batch size, iterations, corpus), and whether "
            "alike, is not known: their training is not in RUNS_DIR."
        )
    elif choices:
        yield from _different_trainings(trainings)
    yield from _different_contents(rows)


def _provenance(rows: Sequence[Row]) -> Iterator[str]:
    """Names the rows' sources of adapters where these differ."""
    sources = {
        row.label: sorted(
            {str(entry.get("source")) for run in row.selected_runs for entry in run.result.adapters.values()}
        )
        for row in rows
    }
    if len({source for several in sources.values() for source in several}) > 1:
        listing = ", ".join(f"{label} {'/'.join(several)}" for label, several in sources.items())
        yield f"Language adapters of different provenance are compared: {listing}."


def _trainings(row: Row, adapters: Mapping[str, Result]) -> list[Training]:
    """Says how each language adapter of a row was trained."""
    trainings: dict[tuple[str, str], Training] = {}
    for run in row.selected_runs:
        for language, entry in run.result.adapters.items():
            digest = str(entry.get("sha256"))
            choices = None
            if (result := adapters.get(digest)) is not None:
                choices = {key: v for key, v in result.choices.items() if not is_within(key, DESIGN_KEYS)}
                choices["iterations"] = result.provenance.get("steps")
            trainings[language, digest] = Training(language, choices)
    return list(trainings.values())


def _different_trainings(trainings: Mapping[str, Sequence[Training]]) -> Iterator[str]:
    """Compares trainings language by language, as each language may have its own number of iterations.

    trainings: by the rows' labels.
    """
    by_language: dict[str, list[dict[str, Any]]] = {}
    for language, choices in (training for several in trainings.values() for training in several):
        if choices is not None:
            by_language.setdefault(language, []).append(choices)
    for key in sorted({key for several in by_language.values() for key in differing_keys(several)}):
        values = {
            label: sorted({_text(one.choices.get(key)) for one in several if one.choices is not None})
            for label, several in trainings.items()
        }
        listing = ", ".join(f"{label} {'/'.join(several)}" for label, several in values.items() if several)
        yield f"Language adapters were trained with different {key}: {listing}."
    if unknown := [label for label, several in trainings.items() if any(one.choices is None for one in several)]:
        yield (
            f"Language adapters of {', '.join(unknown)} are not known to be trained as the others were (batch size, "
            "iterations, corpus): their training is not in RUNS_DIR."
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)


def _different_contents(rows: Sequence[Row]) -> Iterator[str]:
    """Names the languages and kinds for which the selected runs read several adapters."""
    contents: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        for run in row.selected_runs:
            for language, entry in run.result.adapters.items():
                contents.setdefault((language, str(entry.get("kind"))), set()).add(str(entry.get("sha256")))
    if several := [f"{language} ({kind})" for (language, kind), digests in contents.items() if len(digests) > 1]:
        yield f"Not all runs used the same language adapter for {', '.join(several)}."
