"""A domain adapter from its text to its scores: trained on the frozen language adapter, stacked, kept at the swap, swapped."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import torch

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError
from orthoadapters.commands import evaluate, predict
from orthoadapters.commands.train import run_one
from orthoadapters.config.compose import compose_config
from orthoadapters.labelling.finished_run import open_run
from orthoadapters.report.collect.build import build
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.evaluations import EvaluationRecord, read_evaluation
from orthoadapters.runs.inputs import folder_sha256
from orthoadapters.runs.language_adapter import FILES, domain_adapter, language_adapter
from orthoadapters.runs.results import Result, read_result
from orthoadapters.stages.inventory import check_inventory
from orthoadapters.stages.language_adapter import text_data
from orthoadapters.training.mlm import score_held_out
from tests.helpers.short_runs import execute, overrides

TASK = ("variant=lnoo_tnoo", "task=udpos", "languages=[ar]", "optim.lr=2e-3")


def domain(name: str, *more: str) -> list[str]:
    """Overrides that choose a domain, whose text lies in a folder of its name."""
    return [f"domain.name={name}", f"domain.root=texts/{name}", *more]


def commands(*more: str) -> list[str]:
    """Overrides within the project's folder, from which all paths are."""
    return overrides(Path("tiny"), Path("world"), Path(), *more)


@pytest.fixture(scope="module")
def project(out: Path, backbone: Path, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with language adapters, the adapters of two domains, and a run without a domain and one with the first."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(out / "adapters", folder / "adapters")
    shutil.copytree(backbone, folder / "tiny")
    shutil.copytree(world, folder / "world")
    with chdir(folder):
        for name, words in {"reviews": "dog sees anna", "news": "river takes carl", "local": "cat likes tree"}.items():
            Path("texts", name).mkdir(parents=True)
            Path("texts", name, "en.txt").write_text("\n".join([words] * 200))
        execute(commands("stage=mlm", "variant=lnoo_tnoo", "language=en", *domain("reviews")))
        execute(commands("stage=mlm", "variant=lnoo_tnoo", "language=en", *domain("news", "domain.kind=ort")))
        for more in ([], ["domain.name=reviews"]):
            execute(commands(*TASK, *more))
    return folder


def results(project: Path, stage: str, name: str | None) -> tuple[Path, Result]:
    """The directory and the result of the one run of a stage with this domain."""
    runs = [(path.parent, read_result(path)) for path in (project / "runs").rglob("result.json")]
    (run,) = [one for one in runs if one[1].stage == stage and one[1].choices.get("domain.name") == name]
    return run


def test_it_is_trained_on_the_language_adapter_and_published_beside_it(project: Path, out: Path) -> None:
    for name, kind in {"reviews": "noo", "news": "ort"}.items():
        path, result = results(project, "mlm", name)
        place = project / "adapters" / "tiny" / "domains" / f"en-noo-{name}-{kind}"
        entry = result.adapters[f"domain:{name}"]
        assert (result.adapters.keys(), entry["kind"], project / entry["path"]) == ({f"domain:{name}"}, kind, place)
        assert (result.ort_lr is None) == (kind == "noo")
        assert result.test["en"].keys() >= {"mlm_loss", "mlm_loss_without_adapter", "mlm_loss_of_language_adapter"}
        language = folder_sha256(out / "adapters" / "tiny" / "en-noo", FILES)
        record = json.loads((place / "training.json").read_text())
        assert (record["domain"], record["language"], record["kind"]) == (name, "en", kind)
        assert {record["language_adapter_sha256"], json.loads((path / "inputs.json").read_text())["adapter-en"]} == {
            language
        }
        # The language adapter's own files are as they were before, and a checkpoint holds the domain's weights alone.
        assert folder_sha256(project / "adapters" / "tiny" / "en-noo", FILES) == language
        trained = torch.load(path / "checkpoints" / "last.ckpt", weights_only=False)["state_dict"]
        assert trained
        assert all(".adapters.domain." in key for key in trained)
        model = AdaptedEncoder.from_pretrained(str(project / "tiny"))
        model.load_adapter(place, "domain")
        assert (model.configs["domain"].bottleneck, model.configs["domain"].invertible) == (32, False)
        assert "| below it | language adapter NOO |" in (path / "adapter" / "README.md").read_text()


def test_the_orthogonality_loss_is_of_the_domain_adapter_in_its_place(project: Path) -> None:
    _, result = results(project, "mlm", "news")
    assert sum(result.layer_cos2["after"]) < sum(result.layer_cos2["before"])
    model = AdaptedEncoder.from_pretrained(str(project / "tiny"), mlm_head=True)
    model.load_adapter(project / "adapters" / "tiny" / "en-noo", "en")
    torch.manual_seed(0)  # the run's
    model.add_adapter("fresh", AdapterConfig(32))
    with chdir(project):
        blocks = text_data(compose_config(commands("stage=mlm", "language=en", *domain("news")))).dev
    by_stack = {}
    for stack in (["fresh"], ["en"], ["en", "fresh"]):
        model.activate(*stack)
        _, by_stack[tuple(stack)] = score_held_out(model, blocks, invert=False)
    assert by_stack.pop(("en", "fresh")) == result.layer_cos2["before"]
    assert result.layer_cos2["before"] not in by_stack.values()


def test_a_task_run_stacks_it_and_keeps_it_at_the_swap(project: Path) -> None:
    (_, plain), (path, result) = results(project, "task", None), results(project, "task", "reviews")
    assert result.adapters.keys() == {"en", "ar", "domain:reviews"}
    assert plain.adapters == {code: result.adapters[code] for code in ("en", "ar")}
    assert (
        result.adapters["domain:reviews"]["sha256"]
        == json.loads((path / "inputs.json").read_text())["adapter-domain:reviews"]
    )
    assert result.fingerprint != plain.fingerprint
    assert result.selection != plain.selection
    with chdir(project):
        predictor = open_run(path).load("ar", "cpu")
    assert predictor.model.stack == ("ar", "domain", "task")
    rows = [row for row in build(project / "runs").tables[0].rows if row.variant == "lnoo_tnoo"]
    assert [row.label for row in rows] == ["L-NOO+T-NOO", "L-NOO+T-NOO, domain reviews"]
    assert [len(row.candidates) for row in rows] == [1, 1]


def test_a_finished_run_is_scored_with_another_domain_and_without(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, result = results(project, "task", "reviews")
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    path = copy / path.relative_to(project)
    records: dict[Path, tuple[str, EvaluationRecord]] = {}
    for name, more in {
        "reviews": [],
        "news": ["domain.name=news", "domain.kind=ort"],
        "none": ["domain=none"],
    }.items():
        # From where the run lies now, its own domain adapter is beside it.
        assert evaluate.main([str(path), "languages=[en,ar]", *more]) == 0, capsys.readouterr().err
        (folder,) = {one.parent for one in path.rglob("evaluation.json")} - {*records}
        records[folder] = (name, read_evaluation(folder))
    by_name = dict(records.values())
    assert by_name["reviews"].test == result.test
    assert [sorted(record.adapters) for record in by_name.values()] == [
        ["ar", "domain:reviews", "en"],
        ["ar", "domain:news", "en"],
        ["ar", "en"],
    ]
    subjects = {row.subject for row in build(copy / "runs").tables[0].evaluations}
    assert subjects == {"further languages", "domain.name=news domain.kind=ort", "domain=none"}
    assert {"adapter-en", "adapter-domain:reviews"} <= by_name["reviews"].inputs.keys()
    shutil.rmtree(copy / "adapters" / "tiny" / "domains")
    assert evaluate.main([str(path), "languages=[ar]"]) == 1
    assert predict.main([str(path), "--language", "ar", "/dev/null"]) == 1
    for sentence in capsys.readouterr().err.splitlines()[-2:]:
        assert sentence.startswith("error: no domain adapter reviews: ")
        assert " is missing; " in sentence
        assert "this trains it: python train.py stage=mlm backbone=local" in sentence
        assert "domain.name=reviews domain.kind=noo domain.reduction=2 domain.root=DIR" in sentence


def sentence_of(arguments: list[str]) -> str:
    config = compose_config(arguments)
    with pytest.raises(UserError) as error:
        check_inventory(config, RunDirectory(config), arguments)
    return str(error.value)


def test_what_is_missing_or_was_changed_is_a_sentence(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "copy")
    with chdir(tmp_path / "copy"):
        task, training = commands(*TASK, *domain("reviews")), ["stage=mlm", "variant=lnoo_tnoo", "language=en"]
        shutil.rmtree("adapters/tiny/en-noo")
        assert "no language adapter for en (noo) in" in sentence_of(commands(*training, *domain("other")))
        shutil.copytree(project / "adapters/tiny/ar-noo", "adapters/tiny/en-noo")
        for name in ("training.json", "SHA256SUMS"):
            Path("adapters/tiny/en-noo", name).unlink()
        assert "was trained on another language adapter for en than adapters/tiny/en-noo holds now" in sentence_of(
            [*task, "seed=1"]
        )
        finished = {
            "was finished with another language adapter for en": task,
            "domains/en-noo-reviews-noo was trained on another language adapter": commands(
                *training, *domain("reviews")
            ),
        }
        for sentence, arguments in finished.items():
            config = compose_config(arguments)
            with pytest.raises(UserError, match=sentence):
                library.check_run(config, RunDirectory(config))
        shutil.rmtree("adapters/tiny/domains")
        sentence = sentence_of([*task, "seed=1"])
        assert sentence.startswith("no domain adapter reviews for en (noo) in adapters/tiny/domains; train it with:\n")
        assert "train.py stage=mlm " in sentence
        assert "domain.name=reviews domain.root=texts/reviews" in sentence
        assert "domain.name=reviews language=en domain.root=DIR" in sentence_of(commands(*TASK, "domain.name=reviews"))
        assert "domain.root must be the folder" in sentence_of(commands(*training, "domain.name=a", "domain.root=no"))
        assert "domain.root must hold en.txt" in sentence_of(commands(*training, "domain.name=a", "domain.root=world"))


def test_its_language_adapter_may_come_from_elsewhere(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "adapters" / "tiny" / "ar-noo", tmp_path / "local" / "en")
    for name in ("training.json", "SHA256SUMS"):
        (tmp_path / "local" / "en" / name).unlink()
    place = ["language_adapters.source=local", f"language_adapters.root={tmp_path}/local", f"paths.adapters={tmp_path}"]
    with chdir(project):
        result = execute(
            commands("stage=mlm", "variant=lnoo_tnoo", *domain("local"), *place, "trainer.max_iterations=1")
        )
        training = next(iter(result.adapters.values()))
        record = json.loads(Path(training["path"], "training.json").read_text())
    assert record["language_adapter_sha256"] == folder_sha256(tmp_path / "local" / "en", FILES)
    assert training["source"] == "trained"
    assert (result.choices["language_adapters.source"], result.choices["corpus.root"]) == ("local", "texts/local")


def test_all_that_a_run_lacks_is_trained_first(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*commands(*TASK, *domain("reviews", "domain.kind=ort")), f"paths.adapters={tmp_path}/adapters"]
    arguments += [f"paths.runs={tmp_path}/runs", "language_adapters.missing=train"]
    arguments += ["trainer.max_iterations=2", "trainer.max_epochs=1"]
    with chdir(project):
        run_one(compose_config([*arguments, "plan=true"]), [*arguments, "plan=true"])
        waits = [line.split()[2] for line in capsys.readouterr().out.splitlines() if "waits for" in line]
        run_one(compose_config(arguments), arguments)
        places = [f"{tmp_path}/adapters/tiny/{name}" for name in ("en-noo", "ar-noo", "domains/en-noo-reviews-ort")]
        assert waits == [f"{place}:" for place in places]
        config = compose_config(arguments)
        assert [adapter.location for adapter in library.needed_adapters(config)] == places
        lower = language_adapter(config, "en")
        assert domain_adapter(config).record()["language_adapter_sha256"] == lower.present_sha256()  # type: ignore[union-attr]
        assert RunDirectory(config).is_finished
