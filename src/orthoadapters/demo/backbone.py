"""The demo backbone in its cache: pretrained when it is first needed, and known by a fingerprint of all that decides it."""

import hashlib
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import tokenizers
import torch
import transformers
from rich.console import Console
from rich.progress import Progress
from transformers.utils import logging as transformers_logging

from .pretraining import pretrain
from .recipe import BackboneRecipe


def ensure_backbone(cache: Path, recipe: BackboneRecipe | None = None) -> Path:
    """Finds the folder of the demo backbone under `cache`, in Hugging Face's format; pretrains it first if it is missing.

    The folder appears complete or not at all. torch's global random state is as before afterwards.
    """
    recipe = recipe or BackboneRecipe()
    folder = Path(cache) / f"demo-backbone-{fingerprint(recipe)}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        with torch.random.fork_rng(devices=[]), _progress_bar(recipe.steps) as progress:
            model, tokenizer = pretrain(recipe, progress)
        with _quiet():
            model.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
        temporary.chmod(0o755)  # mkdtemp's is for the owner alone
        try:
            temporary.rename(folder)
        except OSError:  # another process was faster; its backbone is the same
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def fingerprint(recipe: BackboneRecipe) -> str:
    """Hashes the recipe, the source code of this world and the libraries' versions into sixteen hex digits."""
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    versions = (platform.python_version(), torch.__version__, transformers.__version__, tokenizers.__version__)
    digest.update(" ".join(versions).encode())
    return digest.hexdigest()[:16]


@contextmanager
def _progress_bar(steps: int) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar on a terminal's stderr, and one line elsewhere."""
    what = "pretraining the demo backbone (once, two to three minutes)"
    console = Console(stderr=True)
    if not console.is_terminal:
        print(what, file=sys.stderr, flush=True)
        yield lambda step: None
        return
    with Progress(console=console) as bar:
        task = bar.add_task(what, total=steps)
        yield lambda step: bar.update(task, completed=step)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers' bar for writing a 3 MB file out of the terminal."""
    was_enabled = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            transformers_logging.enable_progress_bar()
