"""The table of a sweep's cells: as a plan, live while it runs, and with scores at its end."""

import shlex
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orthoadapters.config.choices import NEWER, plain_values
from orthoadapters.config.schema import Config, Stage
from orthoadapters.runs.language_adapter import trained_adapter
from orthoadapters.runs.results import AVERAGE
from orthoadapters.runs.terminal import print_wide
from orthoadapters.sweep.cells import Cell, State
from orthoadapters.sweep.cost import Cost, iteration

# ours: seconds between two looks at the cells' directories
EVERY = 2.0
COLUMNS, SCORES = ("#", "cell", "lr", "ort lr", "seed", "state"), ("dev", AVERAGE, "time")
STYLES = {State.finished: "green", State.running: "bold", State.failed: "red", State.waiting: "dim"}


def summary(cells: Sequence[Cell]) -> str:
    """Counts the cells in a line such as `23 cells: 4 finished, 1 failed, 18 to run`."""
    return f"{len(cells)} cell{'' if len(cells) == 1 else 's'}: " + ", ".join(
        f"{count} {state}" for state, count in count_states(cells).items() if count
    )


def count_states(cells: Sequence[Cell]) -> dict[str, int]:
    """Counts the cells in every state."""
    counts = Counter(cell.state for cell in cells)
    return {state.value: counts[state] for state in State}


def awaited_languages(cells: Sequence[Cell]) -> str:
    """Lists the languages, and domains, whose adapters cells wait for, with the kinds of adapters; empty if no cell waits."""
    kinds: dict[str, set[str]] = {}
    for cell in cells:
        for adapter in cell.awaited_adapters if cell.state is State.waiting else []:
            kinds.setdefault(adapter.name, set()).add(adapter.kind.value)
    return ", ".join(f"{language} ({', '.join(sorted(kinds[language]))})" for language in sorted(kinds))


def waiting_sentence(cells: Sequence[Cell], command: Sequence[str]) -> str:
    """Says which cells wait for language adapters that this sweep does not train; empty if none does.

    command: what repeats the sweep.
    """
    count = sum(cell.state is State.waiting for cell in cells)
    if count == 0:
        return ""
    return (
        f"{count} of {len(cells)} cells wait for language adapters of {awaited_languages(cells)}, which this sweep does not "
        f"train; {shlex.join([*command, 'language_adapters.missing=train'])} trains them first"
    )


def print_plan(cells: Sequence[Cell], costs: Sequence[Cost], at_once: int) -> None:
    """Prints every cell in the order in which it is run, with its state and what it costs; the last line counts them.

    at_once: how many run at the same time.
    """
    table = _table("steps", "time", "disk")
    for number, (cell, cost) in enumerate(zip(cells, costs, strict=True), 1):
        note = (
            f" for {', '.join(adapter.name for adapter in cell.awaited_adapters)}"
            if cell.state is State.waiting
            else ""
        )
        steps = "unknown" if cost.steps is None else f"{cost.steps:,}"
        time, disk_size = duration(cost.hours), size(cost.size)
        table.add_row(
            *_row(number, cell, note),
            *_with_limits(cost.is_bound, steps, time),
            disk_size,
            style=STYLES.get(cell.state),
        )
    print_wide(table)
    open_cells = [cost for cell, cost in zip(cells, costs, strict=True) if cell.state is not State.finished]
    hours, disk = [cost.hours for cost in open_cells], [cost.size for cost in open_cells]
    if open_cells:
        unknown = ", as no run of some kind was finished on this hardware yet" if None in hours else ""
        total, is_bound = _total(hours), any(cost.is_bound for cost in open_cells)
        time = " ".join(_with_limits(is_bound, duration(total)))
        if at_once > 1 and total is not None:
            # Where cells may end early, the time of an even division is no bound.
            least = "about" if is_bound else "at least"
            time += f" one after the other, and {least} {duration(total / at_once)} with {at_once} at once"
        print(f"left: time {time}{unknown}; disk {size(_total(disk))}")
    print(summary(cells))


def print_scores(cells: Sequence[Cell]) -> None:
    """Prints the same table with the scores of what is finished, and the time it took."""
    table = _table(*SCORES)
    for cell, row in zip(cells, closing_rows(cells), strict=True):
        table.add_row(*row, style=STYLES.get(cell.state))
    print_wide(table)
    print(summary(cells))


def closing_rows(cells: Sequence[Cell]) -> list[list[str]]:
    """Writes the closing table's rows; their headings are COLUMNS and SCORES."""
    return [[*_row(number, cell), *scores(cell)] for number, cell in enumerate(cells, 1)]


def scores(cell: Cell) -> list[str]:
    """Writes dev score and zero-shot average x 100, and the time it took; for a language adapter its held-out loss."""
    if cell.state is not State.finished or (result := cell.result()) is None:
        return ["", "", ""]
    took = duration(result.provenance["wall_seconds"] / 3600)
    if result.selection is None:
        return [f"loss {next(iter(result.test.values()))['mlm_loss']:.3f}", "", took]
    average = result.avg_zero_shot.get(result.selection.metric)
    return [f"{100 * result.selection.value:.2f}", "" if average is None else f"{100 * average:.2f}", took]


@contextmanager
def live_table(cells: Sequence[Cell]) -> Iterator[None]:
    """Shows, while the block runs, a live table on a terminal, elsewhere one line for every cell that changes its state."""
    console, end = Console(stderr=True), threading.Event()
    live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
    states = {id(cell): cell.state for cell in cells}

    def look() -> None:
        for number, cell in enumerate(cells, 1):
            state = cell.state
            if states[id(cell)] is not state and live is None:
                line = " ".join(part for part in _row(number, cell)[1:] if part)
                print(f"[{number}/{len(cells)}] {line}", file=sys.stderr, flush=True)
            states[id(cell)] = state
        if live is not None:
            live.update(_screen(cells, console.height), refresh=True)

    def loop() -> None:
        while not end.wait(EVERY):
            look()

    thread = threading.Thread(target=loop, daemon=True)
    if live is not None:
        live.start()
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        look()
        if live is not None:
            live.stop()


def _screen(cells: Sequence[Cell], height: int) -> Group:
    """Fills the terminal: with the cells that run, then with those that failed, then with the others by their state."""
    ranks = {State.running: 0, State.failed: 1, State.resume: 2, State.to_run: 3, State.waiting: 4, State.finished: 5}
    ranking = sorted(enumerate(cells, 1), key=lambda pair: ranks[pair[1].state])
    table = _table("iteration", *SCORES)
    for number, cell in sorted(ranking[: max(1, height - 6)], key=lambda pair: pair[0]):
        at = f"{iteration(cell):,}" if cell.state in (State.running, State.resume) else ""
        table.add_row(*_row(number, cell), at, *_scores_once(cell), style=STYLES.get(cell.state))
    return Group(table, Text(summary(cells)))


_scores_of_run: dict[Path, list[str]] = {}


def _scores_once(cell: Cell) -> list[str]:
    """Reads a finished cell's scores once, and not every two seconds again."""
    if cell.state is not State.finished:
        return scores(cell)
    if cell.run.path not in _scores_of_run:
        _scores_of_run[cell.run.path] = scores(cell)
    return _scores_of_run[cell.run.path]


def _table(*more_headings: str) -> Table:
    table = Table()
    for heading in COLUMNS:
        table.add_column(heading, justify="right" if heading == "#" else "left")
    for heading in more_headings:
        table.add_column(heading, justify="right")
    return table


def _row(number: int, cell: Cell, note: str = "") -> list[str]:
    """Writes a cell in the words of COLUMNS. note: what it waits for, to be said after its state."""
    config, state = cell.config, cell.state
    subject = f"{config.task.name} {config.variant.name}"
    if config.stage is Stage.mlm:
        subject = f"mlm {trained_adapter(config).title}"
    if config.is_orthogonal and config.orthogonality.loss != "cosine":
        subject += f" {config.orthogonality.loss}"
    subject += "".join(f" {text}" for text in _further_choices(config))
    joint = f"joint {config.ort.joint:g}" if config.is_orthogonal and config.ort.joint else ""
    ort_lr = f"{config.optim.ort_lr:g}" if config.has_ort_step else joint
    return [str(number), subject, f"{config.optim.lr:g}", ort_lr, str(config.seed), state.value + note]


def _further_choices(config: Config) -> Iterator[str]:
    """Names the choices of a cell that no column has, and that are not the defaults."""
    is_task, has_adapters = config.stage is Stage.task, config.variant.has_language_adapter
    if is_task and len(config.source_languages) > 1:
        yield f"from {'+'.join(config.source_languages)}"
    unread = ["orthogonality.", "ort.joint", *([] if config.is_orthogonal else ["ort."])]
    unread += ["mlm."] if is_task else ["transfer.", "trainer.patience"]
    unread += [] if has_adapters else ["transfer."]
    unread += [] if config.variant.has_task_adapter else ["variant.leave_out"]
    for key, default in NEWER.items():
        value = plain_values(attrgetter(key)(config))
        if value != default and not key.startswith(tuple(unread)):
            yield f"{key}={'[' + ','.join(map(str, value)) + ']' if isinstance(value, list) else value}"


def _with_limits(is_bound: bool, *amounts: str) -> list[str]:
    """Says of amounts that they are bounds, unless they are unknown."""
    return [f"at most {amount}" if is_bound and amount != "unknown" else amount for amount in amounts]


def duration(hours: float | None) -> str:
    """Writes hours in the unit that suits them."""
    if hours is None:
        return "unknown"
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{60 * hours:.0f} min" if hours >= 1 / 60 else f"{3600 * hours:.0f} s"


def size(value: float | None) -> str:
    """Writes bytes in MB or GB."""
    if value is None:
        return "unknown"
    return f"{value / 1e9:,.1f} GB" if value >= 1e9 else f"{value / 1e6:.1f} MB"


def _total(values: Sequence[float | None]) -> float | None:
    return None if None in values else sum(value for value in values if value is not None)
