"""The page's table of scores: what is known of each score is in its tooltip."""

from collections.abc import Sequence

from orthoadapters.report.collect.paper import AVERAGE, paper
from orthoadapters.report.collect.table import EvaluationRow, Row, Score, Table, heading, point_label
from orthoadapters.report.page.markup import Markup, definitions, join, tag, with_minus
from orthoadapters.report.page.sortable import Body, Line, Number, sortable_table
from orthoadapters.report.printed.numbers import (
    MISSING,
    interval,
    percent,
    rank_marks,
    score_text,
    seeds_text,
    signed_percent,
    size_text,
)
from orthoadapters.report.statistics.analysis import Analysis
from orthoadapters.report.statistics.compare import Comparison

MARKS = {"best": "strong", "second": "u", "": ""}


def scores_table(table: Table, analysis: Analysis, ident: str) -> Markup:
    """Lays out all scores. page.css shows seeds, and the lines of the paper's scores and the oracle's, on demand."""
    marks = [rank_marks([row.scores[column] for row in table.rows]) for column in table.columns]
    bodies, gaps = [], len(table.further_languages)
    for position, row in enumerate(table.rows):
        scores = [row.scores[column] for column in table.columns]
        numbers = [
            Number(
                score_text(score),
                score.value,
                MARKS[of_column[position]],
                None if score.value is None else _tip(table, analysis, row, score, score.value),
                seeds_text(score),
            )
            for score, of_column in zip(scores, marks, strict=True)
        ]
        numbers += [Number(MISSING)] * gaps
        bodies.append(Body(row.label, numbers, [_pad(line, gaps) for line in _lines(scores)]))
    bodies += [_evaluation_body(table, row) for row in table.evaluations]
    foot = [_pad(Line("test sentences", [size_text(table, column) for column in table.columns]), gaps)]
    columns = ["variant", *table.headings]
    return sortable_table(ident, columns, bodies, foot, small="seeds")


def _evaluation_body(table: Table, row: EvaluationRow) -> Body:
    """Makes the row of an evaluation, without ranks; it has no average."""
    numbers = []
    for column in (*table.columns, *table.further_languages):
        score = row.scores.get(column)
        if score is None:
            numbers.append(Number(MISSING))
            continue
        facts = [("scored afterwards", row.subject), ("sentences", f"{score.n_sentences} in the test set")]
        facts.append(("folders", ", ".join(str(path) for path in row.paths)))
        tip = join(tag("strong", f"{row.label}, {heading(column)}"), definitions(facts))
        numbers.append(Number(score_text(score), score.value, "", tip, seeds_text(score)))
    return Body(row.label, numbers)


def _pad(line: Line, gaps: int) -> Line:
    """Gives a line the columns of further languages, which runs have no scores on."""
    return line._replace(texts=[*line.texts, *[""] * gaps])


def _lines(scores: Sequence[Score]) -> list[Line]:
    """Makes the lines below a row; those without any number are left out."""
    texts = {
        "paper": [percent(score.paper) for score in scores],
        "difference": [with_minus(signed_percent(score.difference)) for score in scores],
        "oracle": [percent(None if score.oracle is None else score.oracle.value) for score in scores],
    }
    return [Line(label, line, f"beside {label}") for label, line in texts.items() if set(line) != {MISSING}]


def _tip(table: Table, analysis: Analysis, row: Row, score: Score, value: float) -> Markup:
    """Tells what is known of a score: of how many runs it is, and how it compares."""
    baselines = [baseline for baseline in analysis.baselines if baseline is not row]
    comparisons = [(other.label, analysis.between(row.label, other.label, score.language)) for other in baselines]
    facts: list[tuple[str, str | None]] = [
        (table.metric, percent(value)),
        ("seeds", _seeds(score)),
        ("sentences", None if score.n_sentences is None else f"{score.n_sentences} in the test set"),
        *((f"to {label}", None if c is None else _comparison(c)) for label, c in comparisons),
        ("paper", _paper(score)),
        ("oracle", _oracle(score)),
        ("selected", None if row.point is None else point_label(row.point)),
        ("run" if len(score.paths) == 1 else "runs", ", ".join(path.name for path in score.paths)),
    ]
    return join(tag("strong", f"{row.label}, {heading(score.language)}"), definitions(facts))


def _seeds(score: Score) -> str:
    seeds = ", ".join(str(run.result.seed) for run in score.runs)
    if score.std is None:
        return seeds
    return f"{seeds}: a mean of {len(score.runs)}, standard deviation {percent(score.std)}"


def _comparison(c: Comparison) -> str:
    ends = with_minus(interval(c.low, c.high))
    return f"{with_minus(signed_percent(c.difference))} (95 % interval {ends}); {c.effect}"


def _paper(score: Score) -> str | None:
    if score.paper is None:
        return None
    return f"{percent(score.paper)} ({paper().backbone}); this is {with_minus(signed_percent(score.difference))} to it"


def _oracle(score: Score) -> str | None:
    if score.oracle is None:
        return None
    where = "each language's" if score.language == AVERAGE else heading(score.language)
    return f"{percent(score.oracle.value)}, chosen on {where} dev: not zero-shot"
