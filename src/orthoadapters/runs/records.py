"""The files that commands read, wherever they lie: none of them may be taken for a new output."""

import os
from fnmatch import fnmatchcase
from pathlib import Path

from orthoadapters import checksums
from orthoadapters.hub import adapters, backbones
from orthoadapters.runs.directory import LOCK, RECORD_FILES

# What is in the directory of a run, which one of RUN_FILES shows: files, and folders of files.
RUN_FILES = ("inputs.json", "result.json")
FOLDERS = ("adapter", "head", "backbone", "predictions", "sentences", "evaluations", "checkpoints")
OF_RUN = (*RECORD_FILES, *FOLDERS, checksums.FILE, LOCK)
OF_ADAPTER = (*adapters.FILES, checksums.FILE)
OF_BACKBONE = (*backbones.FILES, *backbones.SAFETENSORS, *backbones.PICKLES)


def records_at(path: Path) -> list[Path]:
    """Lists the file at `path`, links followed, if it is a record: of a run, an adapter, a backbone or the cache; none else.

    A file of the user's own beside them is no record.
    """
    place = Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for a link to itself
    folder, name = place.parent, place.name
    runs = (above for above in place.parents if any((above / one).exists() for one in RUN_FILES))
    is_record = (
        any(place.relative_to(run).parts[0] in OF_RUN for run in runs)
        or ((folder / adapters.FILE).exists() and name in OF_ADAPTER)
        or ((folder / "config.json").exists() and any(fnmatchcase(name, pattern) for pattern in OF_BACKBONE))
        or checksums.beside(place).is_file()
    )
    return [place] if is_record else []
