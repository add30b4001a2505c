"""Bytes that change or end in the files that a command reads."""

import contextlib
import io
import random
from pathlib import Path

from orthoadapters.commands import predict
from tests.faults.world import make_world
from tests.helpers.short_runs import execute, overrides

SENTENCE = "anna sees dog\nberta likes river\n"


def label(run: Path) -> tuple[int, str, str]:
    """Labels with a run as predict.py does: exit code, standard output, standard error."""
    text = run.parent / "text"
    text.write_text(SENTENCE)
    output, error = run.parent / "labels", io.StringIO()
    output.unlink(missing_ok=True)
    with contextlib.redirect_stderr(error):
        code = predict.main([str(run), str(text), "--language", "sw", "--device", "cpu", "--output", str(output)])
    return code, output.read_text() if output.exists() else "", error.getvalue()


def damage(path: Path, rng: random.Random) -> str:
    """Cuts a file, or changes one bit of it, and says where."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    if rng.random() < 0.5:
        path.write_bytes(content[:at])
        return f"{path.name} cut at {at}"
    content[at] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return f"{path.name} changed at {at}"


def bytes_of_files(folder: Path, rounds: int, rng: random.Random) -> list[str]:
    """Damages each file that predict.py reads: the same labels come out, or one sentence."""
    backbone, world = make_world(folder)
    common = ["variant=lnoo_tnoo", "language=en", "trainer.max_iterations=3", "trainer.max_epochs=1"]
    for language in ("en", "sw"):
        execute(overrides(backbone, world, folder, *common, "stage=mlm", f"language={language}"))
    run = folder / "runs" / execute(overrides(backbone, world, folder, *common, "task=wikiann", "languages=[sw]")).run
    expectation, failures = label(run), []
    assert expectation[0] == 0, expectation
    roots = (run, folder / "adapters" / "tiny" / "sw-noo", backbone)
    parts = ("checkpoints", "sentences", "predictions")
    files = [path for root in roots for path in sorted(root.rglob("*")) if path.is_file() and path.stat().st_size]
    files = [path for path in files if path.parent.name not in parts]
    for number in range(rounds):
        path = rng.choice(files)
        content = path.read_bytes()
        what = f"bytes round {number}, {damage(path, rng)}"
        try:
            code, labels, error = label(run)
            is_sentence = code == 1 and error.startswith("error: ") and error.count("\n") == 1
            if not is_sentence and (code, labels) != expectation[:2]:
                failures.append(
                    f"{what}: exit code {code}, {'the same' if labels == expectation[1] else 'other'} labels: {error}"
                )
        except Exception as error:
            failures.append(f"{what}: {type(error).__name__}: {error}")
        path.write_bytes(content)
        print(what, flush=True)
    return failures
