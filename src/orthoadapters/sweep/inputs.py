"""The look at everything that the cells of a sweep will read or write, before the first of them is run."""

from collections.abc import Sequence

from orthoadapters.config.schema import CorpusSource, Missing, Stage
from orthoadapters.errors import UserError
from orthoadapters.stages.inventory import Inventory
from orthoadapters.stages.reading import cut_texts, read_local_data
from orthoadapters.sweep.cells import Cell, State
from orthoadapters.sweep.process import in_own_process


def take_inventory(cells: Sequence[Cell]) -> Inventory:
    """Looks for everything that the cells will read or write. If it is all there, the data on this machine are read once."""
    inventory = Inventory(is_sweep=True)
    open_cells = [cell for cell in cells if cell.state not in (State.finished, State.running)]
    for cell in open_cells:
        inventory.add(cell.config, cell.run, cell.overrides)
    if not inventory.problems:
        try:
            read_local_data([cell.config for cell in open_cells if _will_run(cell)])
        except UserError as error:
            inventory.problems.append(str(error))
    return inventory


def cut_texts_of_cells(cells: Sequence[Cell]) -> None:
    """Cuts the text files that the cells train language adapters on, in a process of its own, as this loads PyTorch.

    Raises UserError as `cut_texts`. The blocks stay in the cache, where the cells find them.
    """
    configs = [cell.config for cell in cells if cell.state in (State.to_run, State.resume, State.failed)]
    texts = [one for one in configs if one.stage is Stage.mlm and one.corpus.source is CorpusSource.text]
    if texts:
        in_own_process(cut_texts, texts)


def _will_run(cell: Cell) -> bool:
    """Says whether this sweep can run the cell: one that waits for language adapters that nobody trains stays as it is."""
    return cell.state is not State.waiting or cell.config.language_adapters.missing is Missing.train
