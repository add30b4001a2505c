"""The documents: their links lead somewhere, the files and tests that they name exist, and their commands are accepted."""

import ast
import re
import shlex
from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

import orthoadapters
from orthoadapters import AdaptedEncoder, AdapterConfig, orthogonality_loss
from orthoadapters.commands import evaluate, predict
from orthoadapters.config.amend import amend
from orthoadapters.config.command_line import check_command_line
from orthoadapters.config.compose import compose_config, language_config
from orthoadapters.examples import TaggedSentence
from orthoadapters.stages.subject import KEYS
from tests.helpers.commands import ROOT
from tests.helpers.temporary_conf import temporary_conf
from tests.test_rooms import FLOORS

RECIPES = ROOT / "docs" / "extending.md"
MANUALS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RECORDS = [ROOT / "CHANGELOG.md", ROOT / "EXPERIMENTS.md"]
FOLDERS = [
    *(ROOT / "tests" / name / "README.md" for name in ("adapterhub", "oracle", "golden/earlier_version")),
    ROOT / "experiments" / "replica" / "README.md",
]
MOST_LINES = 120
TOP = ("src", "conf", "tests", "docs", "benchmarks", "experiments", "multirun_sweeps")
every_document = pytest.mark.parametrize(
    "document", [*MANUALS, *RECORDS, *FOLDERS], ids=lambda path: str(path.relative_to(ROOT))
)


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of a document whose first fence names this language."""
    code = re.findall(r"^ *```(\w*)\n(.*?)^ *```", document.read_text(), re.MULTILINE | re.DOTALL)
    return [block for name, block in code if name == language]


def commands(document: Path) -> Iterator[str]:
    """The lines of a document's shell blocks, without comments; a line that ends with a backslash goes on in the next."""
    for block in blocks(document, ""):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s#.*", "", line).strip()


def arguments_of(script: str) -> list[str]:
    """What the manuals but the recipes give to `script`, each text once.

    `...` stands for further arguments. Hydra's own keys, such as the launcher's, are left out, as Hydra alone knows them.
    """
    lines = (line for document in MANUALS if document != RECIPES for line in commands(document))
    arguments = (line.partition(f"{script} ")[2].removesuffix(" ...") for line in lines if f"{script} " in line)
    return sorted({re.sub(r" ?\bhydra[./]\S+", "", text) for text in arguments if "$" not in text})


def test_the_readme_is_a_tour_and_no_manual() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MOST_LINES


@every_document
def test_every_link_leads_to_a_file(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", document.read_text())
    files = [(link or picture).partition("#")[0] for link, picture in targets if "://" not in link]
    assert [file for file in files if not (document.parent / file).exists()] == []


@every_document
def test_every_path_in_the_text_exists(document: Path) -> None:
    """Words in capitals stand for a name of the reader's choice; the files of a recipe are those that the reader makes."""
    text = document.read_text()
    paths = re.findall(rf"(?<![\w/.-])((?:{'|'.join(TOP)})/[\w./-]*\w)", text)
    files = re.findall(r"New file `([^`]+)`", text)
    real = [path for path in paths if path not in files and not re.search(r"\b[A-Z]{2,}\b", path)]
    assert [path for path in real if not (ROOT / path).exists()] == []


@every_document
def test_every_test_in_the_text_is_a_test(document: Path) -> None:
    for path, name in re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", document.read_text()):
        functions = [
            node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)
        ]
        assert name in functions, f"{path} has no {name}"


def test_the_floors_in_the_text_are_those_that_are_held() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    lines = re.findall(r"^ {4,5}\d+  (.*)$", text, re.MULTILINE)
    names = [set(re.sub(r"\(.*\)|\.py\b", "", line).split()) for line in reversed(lines)]
    assert names == FLOORS


@every_document
def test_every_make_target_in_the_text_is_in_the_makefile(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    mentions = re.findall(r"^make ([a-z-]+)", "\n".join(commands(document)), re.MULTILINE)
    mentions += re.findall(r"`make ([a-z-]+)", document.read_text())
    assert set(mentions) <= set(targets)


def test_the_changelog_says_where_modules_are_now() -> None:
    rows = [line.split("|") for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("| `")]
    modules = [name for row in rows for name in re.findall(r"`(orthoadapters(?:\.\w+)+)`", row[2])]
    assert len(modules) > 30
    assert [name for name in modules if find_spec(name) is None] == []


@every_document
def test_what_python_examples_import_is_there(document: Path) -> None:
    for block in blocks(document, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("orthoadapters"):
                for alias in node.names:
                    assert hasattr(import_module(str(node.module)), alias.name), f"{node.module} has no {alias.name}"
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "orthoadapters"
            ):
                assert hasattr(orthoadapters, node.attr), f"orthoadapters has no {node.attr}"


def test_the_training_loop_of_the_adapters_page_trains_the_task_adapter_alone_and_takes_both_steps(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, loop = blocks(ROOT / "docs" / "adapters.md", "python")[:2]
    model = AdaptedEncoder.from_pretrained(str(backbone))
    model.add_adapter("en", AdapterConfig(32, invertible=True))
    model.save_adapter(tmp_path / "adapters/xlmr_base/en-ort", "en")
    model.delete_adapter("en")
    monkeypatch.chdir(tmp_path)
    # The page's backbone is on the Hub.
    monkeypatch.setattr(AdaptedEncoder, "from_pretrained", lambda path: deepcopy(model))
    generator = torch.Generator().manual_seed(0)
    ids, mask = torch.randint(5, 400, (6, 7), generator=generator), torch.ones(6, 7)
    l_ort = {}
    for rate in ("1e-7", "1e-2"):
        torch.manual_seed(0)
        names: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        names["batches"] = [(ids, mask, torch.tensor([0, 1, 2, 0, 1, 2]))] * 5
        exec(stack, names)
        before = {name: value.clone() for name, value in names["model"].state_dict().items()}
        exec(loop.replace("lr=1e-7", f"lr={rate}"), names)
        after = names["model"].state_dict()
        changes = {name for name, value in after.items() if not torch.equal(value, before[name])}
        assert changes == {name for name in after if ".adapters.task." in name}
        l_ort[rate] = orthogonality_loss(names["model"](ids, mask).pairs, mask).item()
    assert l_ort["1e-2"] < 0.5 * l_ort["1e-7"]
    assert model.load_adapter("my-adapter") == "task"


@pytest.mark.parametrize(
    "text", arguments_of("train.py") + arguments_of("orthoadapters train") + arguments_of("-m orthoadapters.fetch")
)
def test_every_training_command_composes(text: str) -> None:
    check_command_line(shlex.split(text))


def defined_in(block: str) -> dict[str, Any]:
    """What a recipe's Python file defines."""
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(block, str(RECIPES), "exec", dont_inherit=True), names)
    return names


def test_the_files_of_the_recipes_make_their_commands_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary_conf(tmp_path, monkeypatch)
    files = re.findall(r"^New file `(\S+\.yaml)`:\n\n```yaml\n(.*?)^```", RECIPES.read_text(), re.MULTILINE | re.DOTALL)
    assert len(files) == 7
    for name, text in files:
        (tmp_path / name).write_text(text)
    lines = [line.removeprefix("python train.py ") for line in commands(RECIPES) if line.startswith("python train.py ")]
    assert len(lines) == 10
    for line in lines:
        check_command_line(shlex.split(line))


def test_the_python_of_the_recipes_does_what_the_text_says(tmp_path: Path) -> None:
    loss, reader, picture = (defined_in(block) for block in blocks(RECIPES, "python"))
    x_h, x_a = torch.randn(2, 2, 3, 4)
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    cosines = torch.nn.functional.cosine_similarity(x_h, x_a, dim=-1).abs()
    expectation = torch.stack([cosines[mask.bool()].mean()] * 2)
    torch.testing.assert_close(loss["layers_absolute"]([(x_h, x_a)] * 2, mask), expectation)

    (tmp_path / "udpos").mkdir()
    (tmp_path / "udpos" / "test-en.jsonl").write_text('{"words": ["a", "b"], "tags": ["X", "NOUN"]}\n' * 3)
    config = compose_config(["task=udpos", f"data.root={tmp_path}"])
    examples, _ = reader["read_jsonl"](config.data, config.task, "test", language_config("en"), 2)
    assert examples == [TaggedSentence(("a", "b"), ("X", "NOUN"))] * 2

    assert picture["PICTURE"].name == "sizes"
    assert len(picture["bars"]({"en": 3, "sw": 2}).axes[0].patches) == 2


def test_the_commands_of_the_documents_are_found() -> None:
    assert "stage=mlm variant=lort_tnoo language=sw" in arguments_of("train.py")
    assert len(arguments_of("train.py")) > 15


def test_every_labelling_command_is_understood() -> None:
    for text in arguments_of("predict.py"):
        assert predict.arguments().parse_intermixed_args(shlex.split(text)).run == Path("RUN_DIR")


def test_every_evaluation_command_is_understood() -> None:
    texts = arguments_of("evaluate.py")
    assert len(texts) >= 5
    for text in texts:
        options = evaluate.arguments().parse_args(shlex.split(text))
        if options.folder == Path("ADAPTER_DIR"):
            compose_config(options.overrides)
        else:
            amend(compose_config([]), options.overrides, KEYS)


def test_every_option_of_the_report_exists() -> None:
    source = (ROOT / "src" / "orthoadapters" / "commands" / "report.py").read_text()
    options = {word for text in arguments_of("report.py") for word in text.split() if word.startswith("--")}
    assert options
    assert {option for option in options if f'"{option}"' not in source} == set()
