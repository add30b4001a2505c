"""Files from strangers: no code of theirs is run, no path leads out of its folder, and nothing of this machine is published."""

import csv
import io
import json
import logging
import os
import pickle
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf
from safetensors.torch import save_file

from orthoadapters.checksums import FILE as SUMS
from orthoadapters.checksums import check_sums
from orthoadapters.commands import train
from orthoadapters.config.compose import compose_config
from orthoadapters.config.hydra_code import check_hydra
from orthoadapters.config.locations import named_files, xtreme_file
from orthoadapters.config.mistakes import parse_overrides
from orthoadapters.config.recorded import read_config
from orthoadapters.errors import UserError
from orthoadapters.files import check_content, read_json, read_safetensors_header
from orthoadapters.folders import check_inside
from orthoadapters.hub.backbones import check_folder
from orthoadapters.model.adapterhub.heads import read as read_head
from orthoadapters.model.shape import Shape
from orthoadapters.printing import Parser, print_error, printable, start_log
from orthoadapters.report.pictures.curves import read_curves
from orthoadapters.report.pictures.dev_scores import dev_scores
from orthoadapters.report.pictures.style import png
from orthoadapters.report.printed.formats import latex, markdown
from orthoadapters.report.printed.records import csv_text
from orthoadapters.report.printed.tables import PrintedCell, PrintedRow, PrintedTable
from orthoadapters.runs.predictions import sentence_counts
from orthoadapters.runs.terminal import show_scores
from orthoadapters.stages.model_card import task_card
from orthoadapters.training.checkpoint_file import DirectCheckpointIO

TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


class Code:
    """An object whose pickle makes a file when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_no_code_in_a_pickle_is_run(tmp_path: Path) -> None:
    mark, checkpoint, counts = tmp_path / "mark", tmp_path / "last.ckpt", tmp_path / "sentences" / "test-en.npz"
    torch.save({"state_dict": Code(mark)}, checkpoint)
    with pytest.raises(pickle.UnpicklingError):
        DirectCheckpointIO().load_checkpoint(checkpoint, weights_only=False)
    counts.parent.mkdir()
    np.savez(counts, f1=np.array([Code(mark)], dtype=object))
    with pytest.raises(UserError, match="cannot be read"):
        sentence_counts(tmp_path, "en")
    assert not mark.exists()
    pickle.loads(pickle.dumps(Code(mark)))
    assert mark.exists()  # the file would have been made


def test_no_code_that_a_file_of_configuration_names_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark, file = tmp_path / "mark", tmp_path / "own" / "suite" / "theirs.yaml"
    file.parent.mkdir(parents=True)
    hydra = {"callbacks": {"x": {"_target_": "os.mkdir", "path": str(mark)}}}
    file.write_text("# @package _global_\n" + yaml.safe_dump({"hydra": hydra}))
    with pytest.raises(UserError, match=r"sets hydra\.callbacks, which runs code"):
        compose_config([f"paths.config={file.parents[1]}", "suite=theirs"])
    assert train.main(["--config-dir", str(file.parents[1]), "suite=theirs", "--cfg", "job"]) == 1
    assert "take it out" in capsys.readouterr().err
    assert not mark.exists()


@pytest.mark.parametrize(
    ("hydra", "problem"),
    [
        ({"job_logging": {"handlers": {"x": {"()": "os.mkdir", "path": "x"}}}}, "sets hydra.job_logging.handlers"),
        ({"job": {"env_set": {"PYTHONPATH": "x"}}}, "sets the variable PYTHONPATH"),
        ({"launcher": {"_target_": "os.getcwd"}}, r"names code to run \(_target_: os.getcwd\)"),
        (
            {
                "launcher": {"_target_": "hydra_plugins.x.Launcher"},
                "callbacks": {},
                "job": {"env_set": {"OMP_NUM_THREADS": 1}},
            },
            None,
        ),
    ],
)
def test_of_hydras_own_keys_those_that_run_no_code_are_taken(hydra: dict[str, object], problem: str | None) -> None:
    with pytest.raises(UserError, match=problem) if problem else nullcontext():
        check_hydra(OmegaConf.create(hydra), Path("own"))


def test_a_recorded_configuration_is_read_without_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for text, problem in (("${oc.env:HOME}", "stands for another value"), ("a\0b", "a NUL in a text")):
        path.write_text(yaml.safe_dump({"fingerprint": "x", "task": {"name": "x", "labels": ["a", text]}}))
        with pytest.raises(UserError, match=problem):
            read_config(path)
    path.write_text(f"fingerprint: x\noptim: {{lr: 1{'0' * 400}}}\n")
    with pytest.raises(
        UserError, match=r"config.yaml cannot be read \(int too large to convert to float\); restore it"
    ):
        read_config(path)


def test_names_in_files_lead_to_no_other_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("../secret", "/dev/zero", "a/../../secret", "a\0b"):
        (folder / SUMS).write_text(f"{'0' * 64}  {name}\n")
        with pytest.raises(UserError, match=r"lies outside of|is damaged"):
            check_sums(folder, "mend it")
    (folder / "config.json").write_text('{"model_type": "xlm-roberta", "vocab_size": 2}')
    for weights in ("../model.safetensors", "pytorch_model.bin", None):
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": weights}}))
        with pytest.raises(UserError, match="weights lie in files of safetensors beside it"):
            check_folder(folder, "x", allow_pickle=False)
    config = compose_config(["task=wikiann", "data=xtreme", f"data.root={folder}"])
    files = replace(config.task.files, path="{language}/{split}", languages={"en": "../.."})
    with pytest.raises(UserError, match=r"leads out of data\.root"):
        named_files(config.data, replace(config.task, files=files), "test", "en")
    with pytest.raises(UserError, match=r"leads out of data\.root"):
        xtreme_file(config.data, replace(config.task, folder="../x"), "test", "en")


def test_links_to_other_folders_are_not_given_away(tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "folder"
    folder.mkdir()
    secret.touch()
    (folder / "inside").touch()
    for name, target in (("good", folder / "inside"), ("bad", secret)):
        (folder / name).symlink_to(target)
    check_inside(folder / "good", folder)
    with pytest.raises(UserError, match=r"bad is a link to .*secret, outside of"):
        check_inside(folder / "bad", folder)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    os.mkfifo(path)
    for read in (read_json, check_content, read_config):
        with pytest.raises(UserError, match="is no file but a pipe"):
            read(path)


def write_tensor(path: Path, entry: Mapping[str, object]) -> None:
    """Writes a file of safetensors with one tensor in eight bytes."""
    content = json.dumps({"a": entry}).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content + bytes(8))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [-2]},
        {"data_offsets": [9, 8]},
        {"data_offsets": [5, 8]},
        {"shape": [3]},
        {"shape": [1]},
        {"shape": [0, 2]},
        {"shape": [True]},
        {"shape": [2**63, 0], "data_offsets": [0, 0]},
    ],
)
def test_a_tensor_has_a_place_of_the_length_that_its_shape_and_type_need(
    change: dict[str, object], tmp_path: Path
) -> None:
    write_tensor(path := tmp_path / "adapter.safetensors", TENSOR | change)
    with pytest.raises(UserError, match="its header gives 'a' no type, shape and place that fit together"):
        read_safetensors_header(path)


@pytest.mark.parametrize(
    "entry",
    [
        {key: value for key, value in TENSOR.items() if key != "dtype"},
        *(TENSOR | change for change in ({"dtype": 1}, {"dtype": "F"}, {"shape": 2}, {"data_offsets": [8]})),
    ],
)
def test_a_header_of_tensors_is_read_strictly(entry: dict[str, object], tmp_path: Path) -> None:
    write_tensor(path := tmp_path / "adapter.safetensors", entry)
    with pytest.raises(UserError, match="it does not begin as safetensors do"):
        read_safetensors_header(path)


@pytest.mark.parametrize("dtype", ["BOOL", "F8_E4M3", "I8", "F16", "BF16", "F32", "U64", "C64"])
def test_every_type_of_safetensors_has_its_bits(dtype: str, tmp_path: Path) -> None:
    bits = {"BOOL": 8, "F8_E4M3": 8, "I8": 8, "F16": 16, "BF16": 16, "F32": 32, "U64": 64, "C64": 64}[dtype]
    write_tensor(path := tmp_path / "adapter.safetensors", TENSOR | {"dtype": dtype, "shape": [64 // bits]})
    assert read_safetensors_header(path)["a"]["dtype"] == dtype


def test_a_tensor_without_elements_has_an_empty_place(tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    save_file({"a": torch.zeros(2, 0), "b": torch.zeros(2)}, path)
    assert {name: entry["shape"] for name, entry in read_safetensors_header(path).items()} == {"a": [2, 0], "b": [2]}


def test_a_long_shape_is_not_multiplied_to_its_end(tmp_path: Path) -> None:
    """The product would take many minutes."""
    write_tensor(path := tmp_path / "adapter.safetensors", TENSOR | {"shape": [2**62] * 300_000})
    with pytest.raises(UserError, match="fit together"):
        read_safetensors_header(path)


@pytest.mark.parametrize(
    "change", [{"head_type": {"a": 1}}, {"num_labels": 10**12}, {"num_labels": True}, {"dropout_prob": "x"}]
)
def test_a_head_with_a_wrong_value_is_a_sentence(change: dict[str, object], tmp_path: Path) -> None:
    config = {"head_type": "tagging", "layers": 1, "num_labels": 2} | change
    (tmp_path / "head_config.json").write_text(json.dumps({"config": config}))
    with pytest.raises(UserError, match="is not supported"):
        read_head(tmp_path, SimpleNamespace(shape=Shape(3, 64, 64, 70, "xlm-roberta", "tiny", 0.1)))


def test_a_curve_with_a_row_before_the_first_iteration_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    for first in ("-5", "inf", "0"):
        path.write_text(f"iteration,loss,l_ort\n{first},1,1\n2,1,1\n")
        with pytest.raises(UserError, match="is damaged"):
            read_curves(path)


def test_a_number_of_thousands_of_digits_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"^seed=9+\.\.\. cannot be read"):
        parse_overrides([f"seed={'9' * 5000}"])


def test_what_a_terminal_would_obey_is_printed_as_python_writes_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert printable("a\x1b[2J\r\u202eb\tc\nd\x9b") == "a\\x1b[2J\\r\\u202eb\tc\nd\\x9b"
    print_error("\x07x")
    assert capsys.readouterr().err == "error: \\x07x\n"
    with pytest.raises(SystemExit):
        Parser(prog="x").parse_args(["\x1b[2J"])
    assert "unrecognized arguments: \\x1b[2J\n" in capsys.readouterr().err
    monkeypatch.setattr(logging.root, "handlers", [])
    start_log()
    logging.getLogger("orthoadapters").warning("%s", "a\x1bb")
    assert capsys.readouterr().err == "a\\x1bb\n"
    show_scores({"[/red]:smile:": {"f1": 0.5, "n": 3}})
    assert "[/red]:smile:" in capsys.readouterr().out


def test_names_are_no_commands_of_what_shows_them() -> None:
    name = r"$\frac$ <b> ![x](http://x) | \input{x}"
    table = PrintedTable("x", name, [name], [PrintedRow(name, [PrintedCell(name)])], [name])
    text = markdown(table)
    assert text.count(r"\<b> ![x]\(http") == text.count("<b>") == text.count("](") + text.count(r"]\(") == 4
    assert r"\input{x} " not in latex(table).replace(f"% {name}", "")
    figure = dev_scores({name: {"lr 1": [(1, 0.5)]}}, "$_$")
    assert figure is not None
    assert png(figure)
    for start in [*"=+-@\t＝＋－＠", " =", "\u00a0+", "\0-", "\u200b@", "\ufeff=", "\u2060 =", "\x1f=", " \u3000＝"]:
        assert csv_text(["a"], [[f"{start}1+1"]]).splitlines()[1].strip('"').startswith("'")


def test_a_carriage_return_in_a_cell_ends_no_record() -> None:
    text = csv_text(["a", "b"], [["one\r=1+1", 2], ["\r\n", None]])
    assert text == 'a,b\n"one\r=1+1",2\n"\'\r\n",\n'
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], ["one\r=1+1", "2"], ["'\r\n", ""]]


def test_a_card_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    config = compose_config(["task=xnli", "variant=t_ort", f"task.hub_id={tmp_path}", "data=hub"])
    config.task.labels[0] = "a|b\n<b>"
    card = task_card(config, "c0ffee1", "task", 48, 0.25, 7, 2, {"en": {"accuracy": 0.5}})
    assert str(tmp_path) not in card
    assert "labels a\\|b \\<b>, " in card
