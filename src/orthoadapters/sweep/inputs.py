"""The look at everything that the cells of a sweep will read or write, before the first of them is run."""

from collections.abc import Sequence

from orthoadapters.config.schema import Missing
from orthoadapters.errors import UserError
from orthoadapters.stages.inventory import Inventory, read_local_data
from orthoadapters.sweep.cells import Cell, State


def take_inventory(cells: Sequence[Cell]) -> Inventory:
    """Looks for everything that the cells will read or write. If it is all there, the data that are files are read once."""
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


def _will_run(cell: Cell) -> bool:
    """Says whether this sweep can run the cell: one that waits for language adapters that nobody trains stays as it is."""
    return cell.state is not State.waiting or cell.config.language_adapters.missing is Missing.train
