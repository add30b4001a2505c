"""A file of a group is its own: a name that is said twice is compared, and text is text."""

from pathlib import Path

import pytest

from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config
from orthoadapters.errors import UserError
from tests.helpers.temporary_conf import temporary_conf

VARIANT = "language_adapter: none\ntask_adapter: ort\nlanguage_reduction: 2\ntask_reduction: 32\n"


@pytest.mark.parametrize(
    ("file", "text", "override", "message"),
    [
        ("language/xq", "code: en\nname: Xquish\n", "languages=[xq]", r"line 1: code: en in a file whose name is xq; "),
        ("language/xq", "name: Xquish\ncode: en\n", "language=xq", r"line 2: code: en .*, so write code: xq, or give"),
        ("variant/mine", "name: t_ort\n" + VARIANT, "variant=mine", r"line 1: name: t_ort in a file whose name is mine"),
        ("task/mine", "defaults: [wikiann]\nname: wikiann\n", "task=mine", r"line 2: name: wikiann in a file whose name is m"),
        ("backbone/mine", "name: xlmr_base\npath: a/b\n", "backbone=mine", r"line 1: name: xlmr_base in a file whose name"),
        ("language/no", "code: no\nname: Norwegian\n", "languages=[no]",
         r"no.yaml, line 1: YAML reads no of language.code as true or false and not as text; put quotes around it: 'no'"),
        ("language/xq", "code: xq\nname: 1e3\n", "languages=[xq]", r"line 2: YAML reads 1e3 of language.name as a number"),
        ("task/mine", "defaults: [xnli]\nname: mine\nlabels: [no, yes]\n", "task=mine", r"reads no of task.labels as true or"),
        ("task/mine", "defaults: [xnli]\nname: mine\nlabels: [0123, b]\n", "task=mine", r"reads 0123 of .* as another number"),
        ("task/mine", "defaults: [xnli]\nname: mine\nlabels: [null, b]\n", "task=mine", r"reads null of .* as nothing"),
        ("task/mine", "defaults: [xnli]\nname: mine\nlanguages:\n- en\n- no\n", "task=mine", r"line 5: YAML reads no "),
        ("task/mine", "defaults: [xnli]\nname: mine\nlabel_names: {no: neutral}\n", "task=mine", r"of task.label_names"),
        ("suite/mine", "# @package _global_\nlanguages: [no]\n", "suite=mine", r"line 2: YAML reads no of languages as true"),
        ("data/mine", "source: xtreme\nroot: 2020_01\n", "data=mine", r"line 2: YAML reads 2020_01 of data.root as another"),
        ("suite/mine", "# @package _global_\nstage: mlm\n", "suite=mine",
         r"line 2: stage: mlm sets the name alone, .*; write `- override /stage: mlm` below defaults:"),
        ("task/mine", "defaults: [xnli]\nname: mine\nlabel_names: {0: neutral}\n", "task=mine",
         r"label_names.*: its names are text, and 0 is read as another value; put quotes around it: '0'"),
        ("language/xq", "name: Xquish\n", "languages=[xq]", r"xq.yaml has no code; write the line `code: xq` into it"),
        ("language/xq", "", "language=xq", r"xq.yaml is empty; write KEY: VALUE into it, one on each line"),
        ("task/mine", "# a\n---\n", "task=mine", r"mine.yaml has nothing but comments; write KEY: VALUE into it"),
        ("variant/mine", "", "variant=mine", r"mine.yaml is empty; write KEY: VALUE .* as the files of conf/variant/ have th"),
        ("task/mine", "defaults: [xnli]\nlabels:\n- [a]\n", "task=mine", r"line 3: task.labels\[0\] takes one value, "),
        ("task/mine", "defaults: [xnli]\nmetrics: accuracy\n", "task=mine", r"line 2: task.metrics takes a list, and this"),
        ("task/mine", "defaults: [xnli]\nfiles: x\n", "task=mine", r"2: task.files takes a mapping, .*; write KEY: VALUE b"),
        ("task/mine", "defaults: [xnli]\nlr: null\n", "task=mine", r"line 2: task.lr takes one value, and there is none"),
        ("task/mine", "defaults: [xnli]\nname: mine\ngrid:\n  lr: [1,\n    x]\n", "task=mine",
         r"task.grid.lr\[1\] in conf/task/mine.yaml, line 5: Value 'x' .*; it takes a number"),
        ("task/mine", f"defaults: [xnli]\nname: mine\nlr: 1{'0' * 400}\n", "task=mine",
         r"/task/mine.yaml, line 3: the number 10{19}... is beyond what a float holds; write a smaller one$"),
        ("task/mine", f"defaults: [xnli]\nname: mine\ngrid: {{lr: [1{'0' * 400}]}}\n", "task=mine",
         r"mine.yaml, line 3: the number 10{19}... is beyond"),
        ("task/mine", f"defaults: [xnli]\nname: mine\nlr: 1{'0' * 5000}\n", "task=mine", r"mine.yaml, line 3: the number 1"),
        ("suite/mine", f"# @package _global_\noptim: {{lr: 1{'0' * 400}}}\n", "suite=mine", r"mine.yaml, line 2: the number"),
        ("language/xq", "code: xq\nname: X\nhub_adapters: [a]\n", "languages=[xq]", r"3: language.hub_adapters takes a mappi"),
        ("language/xq", "code: xq\nname: X\nword_splitter: x\n", "languages=[xq]",
         r"word_splitter in conf/language/xq.yaml, line 3: 'x' is not one of spacy, jieba"),
        ("language/xq", "code: xq\nname:\n", "languages=[xq]", r"line 2: language.name has no value; write one, or take"),
        ("suite/mine", "# @package _global_\nplan: maybe\n", "suite=mine", r"line 2: Value 'maybe' .*; it takes true or false"),
        ("suite/mine", "# @package _global_\ndefaults:\n- override /task: xnlii\n", "suite=mine",
         r"mine.yaml, line 3: task has no 'xnlii', did you mean 'xnli'\?; there are: masakhaner, paws_x"),
        ("suite/mine", "# @package _global_\ndefaults:\n- override /tusk: xnli\n", "suite=mine",
         r"mine.yaml, line 3: there is no group 'tusk', did you mean 'task'\?"),
        ("suite/mine", "# @package _global_\ndefaults: [/logger: [csv, wandb]]\n", "suite=mine",
         r"line 2: `/logger: \[csv, wandb\]` chooses no file here, .*; write `override /logger: \[csv, wandb\]`"),
        ("language/xq", "code: xq\n", "languages=[xq]", r"xq.yaml has no name; write the line `name: ...` into it"),
        ("language/xq", "code: xq\nname: X\nzzz: 1\n", "languages=[xq]", r"no key 'language.zzz' in .*xq.yaml, line 3; tak"),
        ("suite/mine", "# @package _global_\nodd: 1\n", "suite=mine", r"there is no key 'odd' in .*/mine.yaml, line 2"),
        ("language/xq", "code: xq\nudpos: a\n", "languages=[xq]", r"xq.yaml, line 2 any more; task.hub_subsets names"),
        ("language/xq", "code: xq\n\t- a\n", "languages=[xq]", r"xq.yaml, line 2: YAML takes no tab at the beginning of a"),
        ("variant/mine", "name: mine\nname: mine\n", "variant=mine", r"mine.yaml, line 2: found duplicate key name; mend it"),
        ("task/mine", "- a\n- b\n", "task=mine", r"mine.yaml, line 1: this is a list; write KEY: VALUE, one on each line"),
        ("data/mine", "\n- a\n", "data.source=xtreme", r"mine.yaml, line 2: this is a list; write KEY: VALUE, one on each"),
        ("suite/mine", "version https://git-lfs.github.com/spec/v1\n", "suite=mine", r"mine.yaml is a pointer of Git LFS and"),
        ("backbone/mine", "name: mine\npath: a/b\nrevision: 123e45\n", "backbone=mine", r"reads 123e45 of backbone.revision"),
    ],
)  # fmt: skip
def test_a_file_with_another_name_or_with_other_than_text_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, override: str, message: str
) -> None:
    conf = temporary_conf(tmp_path, monkeypatch)
    (conf / f"{file}.yaml").write_text(text)
    stage = ["stage=mlm", "variant=lort_tnoo"] if override.startswith("language=") else ["variant=t_noo"]
    with pytest.raises(UserError, match=message) as caught:
        check(compose_config([*stage, override]))
    assert "\n" not in str(caught.value)


def test_a_broken_file_that_another_one_names_is_named_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = temporary_conf(tmp_path, monkeypatch)
    (conf / "task" / "mine.yaml").write_text("defaults: [base]\nname: mine\n")
    for text, problem in (
        ("kind:\n\t- a\n", "base.yaml, line 2: YAML takes no tab"),
        ("- a\n", "base.yaml: this is no map"),
    ):
        (conf / "task" / "base.yaml").write_text(text)
        with pytest.raises(UserError, match=problem):
            compose_config(["task=mine"])


def test_quotes_and_plain_whole_numbers_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = temporary_conf(tmp_path, monkeypatch)
    (conf / "language" / "no.yaml").write_text("code: 'no'\nname: Norwegian\nwikipedia: 20231101.no\n")
    text = "defaults: [xnli]\nname: mine\nlabels: [0, 1, -1, 'yes', 1.5]\nhub_revision: null\n"
    (conf / "task" / "mine.yaml").write_text(text)
    config = compose_config(["task=mine", "languages=[no]", "variant=t_noo"])
    check(config)
    assert config.task.labels == ["0", "1", "-1", "yes", "1.5"]
    assert config.evaluated_languages == ["en", "no"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "language.name=1e3",
            r"language.name is text, and 1e3 is read as 1000.0; put quotes .*: \"language.name='1e3'\"",
        ),
        ("variant.name=true", r"variant.name is text, and true is read as True; put quotes"),
        (
            "languages=[1e3,sw]",
            r"languages is a list of text, and one item is read as 1000.0; put quotes around that one",
        ),
        ("logger.tags=[a,true]", r"logger.tags is a list of text, and one item is read as True"),
        (
            "languages=[[sw]]",
            r"languages: \['sw'\] is one of its items, and each takes text; write it without brackets",
        ),
        ("task.grid.lr=[[1]]", r"task.grid.lr: \[1\] is one of its items, and each takes a number"),
        ("task={a:1}", r"'task={a:1}': task takes the name of a file, one of masakhaner, .* with task.KEY=VALUE"),
        ("languages=[null]", r"languages.*: null is none of its items; take it out"),
        ("optim.lr=abc", r"optim.lr: Value 'abc' .*; it takes a number"),
    ],
)
def test_text_on_the_command_line_that_is_read_as_something_else_is_refused(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compose_config([override])
    assert compose_config(["variant.name='1e3'"]).variant.name == "1e3"


def test_an_entry_that_a_mapping_does_not_have_is_added_with_a_plus() -> None:
    assert compose_config(["+task.label_names.a=neutral"]).task.label_names == {"a": "neutral"}
    for override in ("task.label_names.a=neutral", "task.files.columns={first:a}"):
        key, _, _ = override.partition("=")
        with pytest.raises(UserError, match=rf"{key} has no such entry yet; a \+ before the key adds it: \+{key}="):
            compose_config([override])


def test_an_axis_whose_key_has_a_dot_is_set_by_the_key() -> None:
    with pytest.raises(UserError, match=r"without sweep.axes: mlm.ort_lr=VALUE,VALUE"):
        compose_config(["sweep=replica_ort_rates", "sweep.axes.mlm.ort_lr=[1e-4]"])
