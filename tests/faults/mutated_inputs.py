"""What `mutations` changes, by kind, with the commands that read it; and the world that all of it lies in."""

import gc
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file

from orthoadapters import publish
from orthoadapters.commands import evaluate, predict, report, train
from tests.faults.child import run
from tests.faults.world import make_world
from tests.helpers.short_runs import overrides

LONGEST = 40  # ours: seconds of computing; the longest of these commands, a whole report, takes nine
SHORT = ["trainer.max_iterations=2", "trainer.max_epochs=1", "data.limit_train=10", "data.limit_dev=6"]
# The files of a user's own folder, which lean on those of conf/.
OWN = {
    "variant/own.yaml": "name: own\nlanguage_adapter: none\ntask_adapter: ort\nlanguage_reduction: 2\ntask_reduction: 16\n",
    "language/xq.yaml": "code: xq\nname: Exquisite\nwikipedia: null\nhub_adapters: {xlmr_base: a/b}\n",
    "backbone/own.yaml": "name: own\npath: BACKBONE\nrevision: null\nallow_pickle: false\n",
    "suite/own.yaml": "# @package _global_\ndefaults:\n  - override /data: files\n\ntrainer:\n  max_epochs: 1\ntask:\n"
    "  lr: 1e-3\n  languages: [en, xq]\n",
    "sweep/own.yaml": "# @package _global_\n# 2 runs\nhydra:\n  mode: MULTIRUN\nsweep:\n  name: own\n  axes:\n"
    "    variant: [t_noo, own]\n    seed: [0, 1]\n",
    "../data/columns/xq.txt": "anna sees dog\n" * 90,
    "task/columns.yaml": "defaults: [udpos]\nname: columns\nlanguages: [en, xq]\nfiles:\n  format: conll\n"
    "  path: 'columns/{language}-{split}.txt'\n  columns: {word: 1, tag: -1}\n  comment: '#'\n",
    "task/lines.yaml": "name: lines\nkind: sentence_pair\nlabels: ['yes', 'no']\nmetrics: [accuracy]\nlanguages: [en, xq]\n"
    "max_length: 32\nbatch_size: 4\nepochs: 1\nlr: 1e-3\nort_lr: 1e-4\nlabel_names: {'0': 'no'}\n"
    "grid: {lr: [1e-3], lr_with_language_adapters: [1e-3], ort_lr: [1e-4]}\nfiles:\n  format: jsonl\n"
    "  path: 'lines/{split}-{language}.jsonl'\n  columns: {first: a, second: b, label: c}\n",
    "task/table.yaml": "name: table\nkind: sentence\nlabels: ['yes', 'no']\nmetrics: [accuracy]\nlanguages: [en, xq]\n"
    "max_length: 32\nbatch_size: 4\nepochs: 1\nlr: 1e-3\nort_lr: 1e-4\n"
    "grid: {lr: [1e-3], lr_with_language_adapters: [1e-3], ort_lr: [1e-4]}\nfiles:\n  format: csv\n  header: true\n"
    "  path: 'table/{split}-{language}.csv'\n  columns: {text: a, label: c}\n",
}
ROW = "{0}\t{1}\t{1}\t{2}\t_\t_\t{3}\tdep\t_\t_\n"
TREE = "# text = x\n1-2\tannasees\t_\t_\t_\t_\t_\t_\t_\t_\n" + "".join(
    ROW.format(*row) for row in ((1, "anna", "PROPN", 2), (2, "sees", "VERB", 0), (3, "dog", "NOUN", 2))
)
COLUMNS = "# a comment\n-DOCSTART- -X- O\n\nanna\tx\tPROPN\nsees\tx\tVERB\n\ndog\tx\tNOUN\n"


Command = Callable[[Sequence[str]], int]


class Case(NamedTuple):
    """A kind of input. files: those of which one is changed; none: the command's words are. commands: one of them reads it."""

    kind: str
    files: Sequence[Path]
    commands: Sequence[tuple[Command, list[str]]]


def write_files(folder: Path, backbone: Path) -> None:
    """Writes a user's own folder of configuration, and data in the forms that its tasks name."""
    texts = {f"own/{name}": text.replace("BACKBONE", str(backbone)) for name, text in OWN.items()}
    for split in ("train", "dev", "test"):
        pairs = [{"a": f"anna sees dog {n}", "b": "no, dog", "c": ["yes", "no", 0][n % 3]} for n in range(9)]
        for code in ("en", "xq"):
            texts[f"data/lines/{split}-{code}.jsonl"] = "".join(json.dumps(pair) + "\n" for pair in pairs)
            texts[f"data/table/{split}-{code}.csv"] = "a,c\n" + 'anna sees,yes\n"a ""dog"", river",no\n' * 4
            texts[f"data/columns/{code}-{split}.txt"] = COLUMNS * 4
            texts[f"data/trees/{code}_ewt-ud-{split}.conllu"] = f"{TREE}\n" * 8
    texts["text"] = "anna sees dog\nberta likes river\n"
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def write_adapters(folder: Path, runs: Path) -> Path:
    """Copies adapters as from elsewhere, without records and sums: those of languages, one of them pickled, and the task's."""
    for code in ("en", "sw"):
        place = folder / "local" / code
        shutil.copytree(folder / "adapters" / "tiny" / f"{code}-noo", place)
        for name in ("training.json", "SHA256SUMS"):
            (place / name).unlink(missing_ok=True)
    weights = folder / "local" / "sw" / "model.safetensors"
    weights = next((folder / "local" / "sw").glob("*.safetensors")) if not weights.exists() else weights
    torch.save(load_file(weights), weights.with_name("pytorch_adapter.bin"))
    weights.unlink()
    elsewhere = folder / "elsewhere"
    shutil.copytree(runs / "adapter", elsewhere)
    return elsewhere


def write_stopped_run(folder: Path, run: Path) -> Path:
    """Copies a run as one that was stopped after its last checkpoint, to a root of its own; returns the checkpoint."""
    place = folder / "stopped" / run.relative_to(folder / "runs")
    shutil.copytree(
        run, place, ignore=shutil.ignore_patterns("result.json", "adapter", "head", "predictions", "evaluations")
    )
    return place / "checkpoints" / "last.ckpt"


def chosen(*words: str) -> list[str]:
    """Leaves of several values of a key the last one."""
    return list({word.partition("=")[0]: word for word in words}.values())


def train_and_list_modules(words: Sequence[str]) -> int:
    """Trains, and leaves the names of the modules that it took, so that later forks have them."""
    code = train.main(words)
    Path("modules").write_text("\n".join(sys.modules))
    return code


def load_modules(folder: Path) -> None:
    for name in (folder / "modules").read_text().splitlines():
        with suppress(Exception):
            import_module(name)
    gc.freeze()


def cases(folder: Path) -> list[Case]:
    """Makes a world with a finished run, and lists what is read of it, and by which commands."""
    backbone, world = make_world(folder)
    write_files(folder, backbone)
    base = overrides(backbone, world, folder, *SHORT)

    def do(command: Command, *words: str) -> None:
        if (end := run(command, words, folder, LONGEST)).code != 0:
            raise AssertionError(f"{words}: {end}")

    task_run = chosen(*base, "variant=lnoo_tnoo", "task=wikiann", "languages=[en,sw]")
    for code in ("en", "sw"):
        do(train_and_list_modules, *chosen(*base, "stage=mlm", "variant=lnoo_tnoo", f"language={code}"))
        load_modules(folder)
    do(train_and_list_modules, *task_run)
    load_modules(folder)
    place = next((folder / "runs" / "tiny" / "wikiann" / "lnoo_tnoo").iterdir())
    do(evaluate.main, str(place), "languages=[sw]")
    (place / "SHA256SUMS").unlink(missing_ok=True)
    elsewhere = write_adapters(folder, place)
    stopped = write_stopped_run(folder, place)
    new = chosen(*base, f"paths.runs={folder}/new", f"paths.adapters={folder}/new-adapters", "logger=none")
    files = [
        "--config-dir",
        str(folder / "own"),
        *chosen(*new, "variant=own", "data=files", f"data.root={folder}/data"),
    ]
    trees = chosen(
        *new, "task=udpos", "variant=t_noo", "languages=[en]", "data=conllu", f"data.root={folder}/data/trees"
    )
    local = ["language_adapters.source=local", f"language_adapters.root={folder}/local"]
    labels = [str(place), str(folder / "text"), "--language", "sw", "--device", "cpu"]
    foreign = [str(elsewhere), *chosen(*new, "variant=lnoo_tnoo", "task=wikiann", "languages=[sw]", *local)]
    reports = [
        (report.main, [str(folder / "runs"), *more]) for more in ([f"--out={folder}/out"], [f"--tidy={folder}/t.csv"])
    ]

    def below(*parts: str | Path) -> list[Path]:
        paths = [path for part in parts for path in sorted((folder / part).rglob("*"))]
        return [path for path in paths if path.is_file() and path.stat().st_size and not path.name.startswith(".")]

    records = [path for path in below(place) if path.suffix in (".json", ".yaml", ".csv", ".npz", ".tsv")]
    sources = {"xnli": "t_ort", "udpos": "t_noo", "wikiann": "full_ft"}
    commands = [
        (train.main, [*new, f"task={task}", f"variant={variant}", "languages=[en]"])
        for task, variant in sources.items()
    ]
    mlm = (train.main, [*new, "stage=mlm", "variant=lort_tort", "language=sw"])
    text = (train.main, [*mlm[1][:-1], *files[:2], "language=xq", f"corpus.root={folder}/data/columns", "plan=true"])
    return [
        Case("command of train", [], [(train.main, [*command, "plan=true"]) for _, command in [*commands, mlm]]),
        Case("command", [], [(predict.main, labels), (evaluate.main, [str(place), "languages=[sw]"]), *reports]),
        Case("command of a sweep", [], [(train.main, [*files, "sweep=own", "task=lines", "plan=true"])]),
        Case(
            "own YAML",
            below("own"),
            [(train.main, [*files, "suite=own", f"task={task}", "plan=true"]) for task in ("lines", "table", "columns")]
            + [
                (train.main, [*files, "backbone=own", "task=lines"]),
                (train.main, [*files, "task=table", "sweep=own", "plan=true"]),
                text,
            ],
        ),
        Case("XTREME's rows", below("world/udpos", "world/panx", "world/xnli"), commands),
        Case(
            "CoNLL-U",
            below("data/trees"),
            [(train.main, [*trees, f"data.fuse_multiword={fuse}"]) for fuse in ("true", "false")],
        ),
        Case(
            "own rows",
            below("data/lines", "data/table", "data/columns"),
            [(train.main, [*files, f"task={t}"]) for t in ("lines", "table", "columns")],
        ),
        Case("text", below("world/text"), [mlm]),
        Case(
            "adapter",
            below("local"),
            [
                (evaluate.main, [str(place), "languages=[en,sw]", *local]),
                (train.main, chosen(*new, *task_run[-3:], *local)),
            ],
        ),
        Case("adapter and head", below(elsewhere), [(evaluate.main, foreign)]),
        Case("backbone", below(backbone), [mlm, commands[1], (predict.main, labels)]),
        Case(
            "record",
            records,
            [
                (predict.main, labels),
                (predict.main, [*labels[:1], "--list"]),
                (evaluate.main, [str(place), "languages=[sw,en]"]),
                (train.main, task_run),
                (publish.main, [str(place), "--repo", "a/b"]),
                *reports,
                *reports,
            ],
        ),
        Case("model card", [place / "adapter" / "README.md"], [(publish.main, [str(place), "--repo", "a/b"])]),
        Case("checkpoint", [stopped], [(train.main, chosen(*task_run, f"paths.runs={folder}/stopped"))]),
        Case(
            "adapter's record",
            below("adapters"),
            [(predict.main, labels), (train.main, task_run), (evaluate.main, [str(place), "languages=[en]"])],
        ),
    ]
