"""Each run has its directory, what made it, and the command that repeats it."""

import json
from pathlib import Path
from urllib.parse import unquote

from orthoadapters.config.choices import choices, fingerprint
from orthoadapters.config.compose import compose_config
from tests.helpers.html import facts, of_class, shown_page, text
from tests.helpers.whole_report import ADAPTER, make_report, write_run_with_counts


def test_links_lead_to_the_run_directories(tmp_path: Path) -> None:
    runs = tmp_path / "of me, #1? 100%"
    path = write_run_with_counts(runs, "t_noo", "udpos")
    out = tmp_path / "elsewhere" / "report"
    root = shown_page(*make_report(runs, pictures=False), out).root
    links = {link.attrib["href"] for link in root.iter("a") if not link.attrib["href"].startswith("#")}
    assert [(out / unquote(link)).resolve() for link in links] == [path.resolve()]
    assert links.pop().startswith("../../of%20me%2C%20%231%3F%20100%25/tiny/")


def test_provenance_has_what_made_a_run_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    overrides = ["task=udpos", "variant=lnoo_tnoo", "data.limit_train=7", "seed=3"]
    config = compose_config(overrides)
    provenance = {
        "packages": {"torch": "2.13.0"},
        "python": "3.11",
        "hardware": "a GPU",
        "seconds": 12.5,
        "steps": 40,
        "overrides": overrides,
    }
    path = write_run_with_counts(
        tmp_path, "lnoo_tnoo", "udpos", seed=3, adapters={"sw": ADAPTER | {"kind": "noo"}}, provenance=provenance
    )
    result = json.loads((path / "result.json").read_text())
    record = {"choices": choices(config), "fingerprint": fingerprint(config)}
    (path / "result.json").write_text(json.dumps(result | record))
    write_run_with_counts(tmp_path, "t_noo", "udpos", known=False)
    root = shown_page(*make_report(tmp_path, pictures=False), tmp_path).root
    runs = {text(run[0]): facts(run) for run in of_class(root, "run")}
    run = runs["L-NOO+T-NOO, lr 0.0001, seed 3"]
    assert run["command"] == "python train.py task=udpos variant=lnoo_tnoo data.limit_train=7 seed=3"
    assert run["commit"] == "c0ffee00"
    assert run["packages"] == "python 3.11, torch 2.13.0"
    assert (run["hardware"], run["training"]) == ("a GPU", "12.5 s, 40 iterations")
    assert run["adapter sw"] == f"noo, trained, {ADAPTER['path']}, sha256 {ADAPTER['sha256']}"
    assert run["selected"] == "epoch 3: f1 90.00 on en dev"
    assert runs["T-NOO, lr 0.0001, seed 0"]["command"].startswith("This run recorded no command")
