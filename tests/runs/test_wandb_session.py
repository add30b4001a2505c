"""W&B on this machine: what keeps it from starting, and the commands that the project and its documents give to it."""

import re
import shlex
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from orthoadapters import UserError
from orthoadapters.config.command_line import check_command_line
from orthoadapters.config.compose import compose_config
from orthoadapters.runs.tracking import check_trackers
from orthoadapters.runs.wandb_session import start_error, upload_command, without_places
from tests.helpers.commands import ROOT, demo
from tests.helpers.short_runs import execute, overrides
from tests.helpers.sweeps import run_sweep
from tests.helpers.wandb_commands import check_command
from tests.test_docs import MANUALS, blocks, commands


@pytest.mark.parametrize(
    ("value", "public"),
    [
        ("/home/me/models/tiny", "tiny"),
        ("models/tiny", "models/tiny"),
        ("data.root=~/data/xtreme", "data.root=xtreme"),
        (["paths.runs=/home/me/runs", "languages=[ar,tr]"], ["paths.runs=runs", "languages=[ar,tr]"]),
        ("backbone.path='/home/me/a b'", "backbone.path='a b'"),
        ("FacebookAI/xlm-roberta-base", "FacebookAI/xlm-roberta-base"),
        ("https://arxiv.org/abs/2012.06460", "https://arxiv.org/abs/2012.06460"),
        (0.5, 0.5),
    ],
)
def test_what_is_uploaded_has_the_last_part_of_a_path_alone(value: object, public: object) -> None:
    assert without_places({"key": value}) == {"key": public}


def test_with_wandbs_own_folder_the_command_names_the_run_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", f"{tmp_path}/a b")
    command = upload_command(Path("elsewhere"), "run-1")
    check_command(command)
    own = tmp_path / "a b" / "wandb" / "offline-run-20261231_235959-run-1"
    assert [fnmatch(f"{own}{part}", shlex.split(command)[-1]) for part in ("", "-1", "/..-run-2")] == [True, True, True]
    assert not fnmatch(str(own).replace("run-1", "run-2"), shlex.split(command)[-1])


def test_the_documents_give_wandb_commands_that_it_knows() -> None:
    lines = {line for path in MANUALS for line in commands(path) if re.search(r"\bwandb (?!$)", line)}
    assert len(lines) >= 4
    for line in lines:
        check_command(re.search(r"\bwandb .*", line.replace("{} +", "PATH"))[0])  # type: ignore[index]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"WANDB_MODE": "ofline"}, "'ofline'; logger=csv or WANDB_MODE=offline goes on without it"),
        ({"WANDB_MODE": "offline", "WANDB_DIR": "/proc/none"}, "WANDB_DIR=/proc/none cannot be written to"),
        ({"WANDB_MODE": "online"}, "no key found; `wandb login` or WANDB_API_KEY gives one; logger=csv or WANDB_MODE="),
    ],
)
def test_what_keeps_wandb_from_starting_is_said_before_data_are_read(
    variables: dict[str, str], sentence: str, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    arguments = overrides(backbone, tmp_path / "none", tmp_path, "logger=wandb", "task=udpos", "variant=t_noo")
    with pytest.raises(UserError, match=re.escape(sentence)):
        execute(arguments)
    assert not (tmp_path / "runs").exists()


def test_what_keeps_wandb_from_starting_is_said_before_the_first_cell_of_a_sweep(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "ofline")
    assert run_sweep(*demo(backbone, tmp_path), "variant=t_noo", "task=udpos", "logger=wandb") == 1
    assert capsys.readouterr().err.startswith("error: W&B did not start: mode: ")
    assert not (tmp_path / "runs").exists()


def test_offline_already_is_no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert str(start_error(ValueError("why"))) == "W&B did not start: why; logger=csv goes on without it"


@pytest.mark.parametrize(("name", "package"), [("tensorboard", "'orthoadapters[tensorboard]'"), ("wandb", "wandb")])
def test_a_logger_whose_package_is_missing_says_how_to_install_it(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    sentence = f"logger={name} needs a package that is not here: pip install {package}"
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        check_trackers(compose_config([f"logger={name}"]).logger)


def test_the_command_that_an_agent_of_wandb_makes_of_the_sweep_file_composes() -> None:
    (text,) = blocks(ROOT / "docs" / "wandb.md", "yaml")
    sweep = yaml.safe_load(text)
    points = {
        name: {"value": values.get("value", values.get("values", [values.get("min")])[-1])}
        for name, values in sweep["parameters"].items()
    }
    arguments = create_sweep_command_args({"args": points})["args_no_hyphens"]
    assert sweep["command"] == ["${env}", "python", "${program}", "${args_no_hyphens}"]
    assert len(arguments) == 4
    check_command_line(arguments)
    config = compose_config(arguments)
    assert (config.task.name, config.variant.name, config.optim.lr, config.seed) == ("wikiann", "t_ort", 1e-5, 2)
