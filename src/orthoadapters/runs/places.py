"""The places that a finished run read from, found again from any directory and after the run was moved.

A run records its working directory (`provenance.working_directory`), to which the relative paths in its config.yaml belong.
"""

import os
from pathlib import Path

from orthoadapters.config.choices import fingerprint
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.schema import Config
from orthoadapters.errors import UserError
from orthoadapters.runs.results import Result


def check_result(config: Config, run: Path, result: Result) -> None:
    """Raises UserError if a run's result.json is of another configuration than the run."""
    if result.fingerprint != (own := fingerprint(config)):
        raise UserError(
            f"{run / 'result.json'} is the result of another configuration (fingerprint {result.fingerprint[:8]}, this run's "
            f"is {own[:8]}); bring the run's own back, or delete it and give the run's command again"
        )


def find_places(config: Config, run: Path, result: Result) -> None:
    """Puts the places of today for those that a run's configuration names. run: the directory where the run lies now.

    The configuration of an earlier version's run, which recorded no working directory, stays as it is.
    """
    directory = result.provenance.get("working_directory")
    if not isinstance(directory, str):
        return
    former_run = Path(directory, Path(config.paths.runs).expanduser(), result.run)

    def find(text: str) -> str:
        return _find(text, Path(directory), former_run, run)

    config.paths.adapters, config.paths.cache = find(config.paths.adapters), find(config.paths.cache)
    if config.backbone.revision is None and config.backbone.path != DEMO:
        config.backbone.path = find(config.backbone.path)
    if config.language_adapters.root is not None:
        config.language_adapters.root = find(config.language_adapters.root)
    if config.paths.config is not None:
        config.paths.config = find(config.paths.config)
    if isinstance(config.transfer.weights, str):
        config.transfer.weights = find(config.transfer.weights)
    if config.data.root is not None:
        config.data.root = find(config.data.root)
    # A data set may be a folder, too.
    if config.task.hub_id is not None and (folder := Path(find(config.task.hub_id))).is_dir():
        config.task.hub_id = str(folder)


def _find(text: str, directory: Path, former_run: Path, run: Path) -> str:
    """Finds a place that a run named `text`: as far from the run as it was, where it was, or as seen from here.

    A place that was written as a whole path is looked for there first. The text is returned as it is where it means the
    place that was found. Of a place that is nowhere, the first of these is returned.
    """
    path = Path(text).expanduser()
    here, original = _normal(path.absolute()), _normal(directory / path)
    # The way is reckoned without looking at symbolic links, as the run's directory may be one.
    beside = _normal(run.absolute() / os.path.relpath(original, _normal(former_run)))
    places = [original, beside] if path.is_absolute() else [beside, original, here]
    place = next((place for place in places if place.exists()), places[0])
    return text if place == here else str(place)


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))
