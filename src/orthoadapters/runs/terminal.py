"""The tables that a command prints at its end."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from orthoadapters.runs.results import AVERAGE, Result


def show(result: Result) -> None:
    """Prints the scores of a finished run as a table on standard output."""
    print(result.run)
    average = {AVERAGE: result.avg_zero_shot} if result.avg_zero_shot else {}
    show_scores(dict(result.test) | average, is_loss=result.task is None)
    for under, rows in result.under.items():
        print(f"under the task adapter: {under} (transfer.under)")
        show_scores(rows)
    if selection := result.selection:
        print(f"epoch {selection.epoch}, chosen on {selection.language} {selection.split} ({selection.metric})")


def show_scores(rows: Mapping[str, Mapping[str, float]], is_loss: bool = False) -> None:
    """Prints a table of scores by language."""
    names = [name for name in next(iter(rows.values())) if name != "n"]
    table = Table()
    table.add_column("language")
    for name in names:
        table.add_column(name if is_loss else f"{name} x 100", justify="right")
    table.add_column("n", justify="right")
    for language, scores in rows.items():
        values = [f"{scores[name]:.4f}" if is_loss else f"{100 * scores[name]:.2f}" for name in names]
        table.add_row(language, *values, str(scores.get("n", "")))
    print_wide(table)


def show_together(results: Sequence[Result]) -> None:
    """Prints one table per task of what a multirun finished: a row per run, a column per language, the first metric."""
    for task in dict.fromkeys(result.task for result in results if result.task):
        rows = [result for result in results if result.task == task and result.selection]
        metric = next(result.selection.metric for result in rows if result.selection)
        languages = dict.fromkeys(code for row in rows for code in row.test)
        print(f"{task}: {metric} x 100 on test, zero-shot in all languages but the first")
        table = Table()
        for heading in ("variant", "lr", "ort lr", "seed"):
            table.add_column(heading)
        for heading in (*languages, AVERAGE):
            table.add_column(heading, justify="right")
        for row in rows:
            scores = [row.test.get(code, {}).get(metric) for code in languages] + [row.avg_zero_shot.get(metric)]
            ort_lr = "" if row.ort_lr is None else f"{row.ort_lr:g}"
            columns = ["" if score is None else f"{100 * score:.2f}" for score in scores]
            table.add_row(row.variant, f"{row.lr:g}", ort_lr, str(row.seed), *columns)
        print_wide(table)


def print_wide(table: Table) -> None:
    """Prints a table as wide as it needs, whatever the terminal has: a cut number is worse than a wrapped line."""
    Console(width=1000).print(table)
