"""The look at everything that the cells of a sweep will read or write, before the first of them is run."""

from collections.abc import Sequence

from orthoadapters.config.schema import Missing
from orthoadapters.stages.inventory import Inventory, read_data
from orthoadapters.sweep.cells import Cell, State


def take_inventory(cells: Sequence[Cell]) -> Inventory:
    """Looks for everything that the cells will read or write."""
    inventory = Inventory(is_sweep=True)
    for cell in cells:
        if cell.state not in (State.finished, State.running):
            inventory.add(cell.config, cell.run, cell.overrides)
    return inventory


def read_data_of_waiting(cells: Sequence[Cell]) -> None:
    """Reads the data of the cells whose language adapters this sweep trains first. Raises UserError for what is wrong in them.

    Those of the Hub are left to the cells, as this machine may have no network.
    """
    waiting = [cell.config for cell in cells if cell.state is State.waiting and cell.config.data.source != "hub"]
    read_data([config for config in waiting if config.language_adapters.missing is Missing.train])
