"""The numbers of a report as text, for every format: fractions are shown x 100 with two digits, as in the paper."""

from collections.abc import Sequence

from orthoadapters.report.collect.table import Score, Table

MISSING = "—"


def percent(value: float | None) -> str:
    """Shows a fraction x 100."""
    return MISSING if value is None else f"{100 * value:.2f}"


def signed_percent(value: float | None) -> str:
    """Shows a difference of fractions x 100, with its sign."""
    return MISSING if value is None else f"{100 * value:+.2f}"


def interval(low: float, high: float) -> str:
    """Shows the ends of an interval of a difference."""
    return f"{signed_percent(low)} to {signed_percent(high)}"


def rate(value: float | None) -> str:
    """Shows a learning rate."""
    return MISSING if value is None else f"{value:g}"


def p_value(value: float | None) -> str:
    """Shows p with three digits."""
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def listing(values: Sequence[int]) -> str:
    """Shows whole numbers with commas between them."""
    return ", ".join(map(str, values)) if values else MISSING


def score_text(score: Score, seeds: bool = False) -> str:
    """Shows a score, with what `seeds_text` shows if asked for; its state if there is none."""
    if score.value is None:
        return MISSING if score.state == "missing" else score.state
    return f"{percent(score.value)} {seeds_text(score)}" if seeds else percent(score.value)


def seeds_text(score: Score) -> str:
    """Shows the standard deviation over seeds and their number, such as "± 0.52 (3)"; nothing without a score."""
    if score.value is None:
        return ""
    count = f"({len(score.by_seed)})"
    return count if score.std is None else f"± {percent(score.std)} {count}"


def size_text(table: Table, column: str) -> str:
    """Shows the number of test sentences of a column; nothing for an average."""
    sizes = [row.scores[column].n_sentences for row in table.rows if row.scores[column].n_sentences is not None]
    return str(sizes[0]) if sizes else ""


def rank_marks(scores: Sequence[Score]) -> list[str]:
    """Marks the best and the second of a column by what is printed; nothing where a single row has a score."""
    texts = [None if score.value is None else percent(score.value) for score in scores]
    order = sorted({float(text) for text in texts if text is not None}, reverse=True)
    if sum(text is not None for text in texts) < 2:
        return [""] * len(scores)
    marks = dict(zip(order, ("best", "second"), strict=False))
    return ["" if text is None else marks.get(float(text), "") for text in texts]
