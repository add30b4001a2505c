"""Mistakes in a YAML file of a group that no schema can see: another file's name in it, and text that YAML reads otherwise."""

import dataclasses
import re
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf._utils import get_yaml_loader
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orthoadapters.config.keys import OPEN, OPTIONAL_GROUPS, key_types
from orthoadapters.config.messages import FORMER_KEYS, nearest
from orthoadapters.errors import UserError, first_line
from orthoadapters.files import check_content

# The key in which a file of a group says its own name once more.
NAME_KEYS = {"language": "code", "task": "name", "variant": "name", "backbone": "name"}
TAG = "tag:yaml.org,2002:"


def check_file(path: Path, group: str) -> None:
    """Refuses a file of a group as `check_texts`, `check_keys` and `check_name` do."""
    check_texts(path, group)
    check_keys(path, group)
    check_name(path, group)


def check_texts(path: Path, group: str) -> None:
    """Refuses a file with text that YAML reads as something else."""
    for key, node in _texts(_root(path, path.stat().st_mtime_ns), "" if _is_global(path) else group, None):
        if (value := _other_value(node)) is not None:
            raise UserError(
                f"{path}, line {node.start_mark.line + 1}: YAML reads {node.value} of {key} as {value} and not as text; put "
                f"quotes around it: '{node.value}'"
            )


def check_keys(path: Path, group: str) -> None:
    """Refuses a file with a key that the schema does not have."""
    has_section = group not in OPTIONAL_GROUPS and dataclasses.is_dataclass(key_types().get(group))
    is_group = has_section and not _has_header(path)
    root = _root(path, path.stat().st_mtime_ns) if is_group or _is_global(path) else None
    for key, line in _unknown_keys(root, group if is_group else ""):
        place, (section, _, name) = f"{path}, line {line}", key.rpartition(".")
        if former := FORMER_KEYS.get(name):
            raise UserError(f"there is no key '{key}' in {place} any more; {former}")
        others = [other.removeprefix(f"{section}.") for other in key_types() if other.rpartition(".")[0] == section]
        raise UserError(f"there is no key '{key}' in {place}{nearest(name, others) or '; take it out'}")


def _unknown_keys(node: Node | None, section: str) -> Iterator[tuple[str, int]]:
    """Yields the keys that the schema does not have, with their lines. section: the dotted key of the node; empty: the top."""
    for key_node, value in node.value if isinstance(node, MappingNode) else []:
        key = f"{section}.{key_node.value}".removeprefix(".")
        is_hydras = key_node.value == "defaults" or key == "hydra"
        if is_hydras or key_node.tag == f"{TAG}merge" or f"{key}.".startswith(OPEN):
            continue
        if key not in key_types():
            yield key, key_node.start_mark.line + 1
        elif dataclasses.is_dataclass(key_types()[key]):
            yield from _unknown_keys(value, key)


def check_stage(path: Path, group: str) -> None:
    """Refuses a file that names a stage without choosing it, and so leaves the other stage's rates in place."""
    for key_node, node in _entries(path) if _is_global(path) else []:
        if group != "stage" and key_node.value == "stage":
            raise UserError(
                f"{path}, line {node.start_mark.line + 1}: stage: {node.value} sets the name alone, without the stage's "
                f"learning rates; write `- override /stage: {node.value}` below defaults:"
            )


def _is_global(path: Path) -> bool:
    """Says whether a file's keys are those of the whole configuration, and not of its group alone."""
    return path.read_text(encoding="utf-8-sig").startswith("# @package _global_")


def is_section(path: Path) -> bool:
    """Says whether a file sets keys of its group alone: it has neither Hydra's header nor a list of defaults."""
    return not _has_header(path) and all(key.value != "defaults" for key, _ in _entries(path))


def _has_header(path: Path) -> bool:
    return path.read_text(encoding="utf-8-sig").startswith("# @package")


def may_set(path: Path, group: str) -> bool:
    """Says whether a file of another group can set a key of this one: by the key, or by files that its defaults add."""
    for key, node in _entries(path):
        adds_files = key.value == "defaults" and not all(map(_is_override, node.value))
        if key.value == group or adds_files:
            return True
    return False


def _is_override(entry: Node) -> bool:
    """Says whether an entry of a list of defaults only chooses another file of a group, or is the file's own place."""
    keys = [key.value for key, _ in entry.value] if isinstance(entry, MappingNode) else []
    return getattr(entry, "value", None) == "_self_" or (
        bool(keys) and all(key.startswith("override ") for key in keys)
    )


def check_name(path: Path, group: str) -> None:
    """Refuses a file whose name in it is not the file's.

    Files are copied, and a name that is left in would file one language's scores under another one's name.
    """
    if group == "language" and not {key.value for key, _ in _entries(path)} & {"code", "defaults"}:
        raise UserError(f"{path} has no code; write the line `code: {path.stem}` into it")
    for key_node, node in _entries(path):
        is_name = key_node.value == NAME_KEYS.get(group) and isinstance(node, ScalarNode)
        if is_name and not node.tag.endswith(":null") and node.value not in (path.stem, "???"):
            raise UserError(
                f"{path}, line {node.start_mark.line + 1}: {key_node.value}: {node.value} in a file whose name is "
                f"{path.stem}; both are the name that {group}={path.stem} means, so write {key_node.value}: {path.stem}, or "
                "give the file the other name"
            )


def _entries(path: Path) -> list[tuple[Node, Node]]:
    """Lists the keys at the top of a file with what stands below them."""
    root = _root(path, path.stat().st_mtime_ns)
    return root.value if isinstance(root, MappingNode) else []


@cache
def _root(path: Path, time: int) -> Node | None:
    """Reads a file as YAML's nodes, which have their lines. time: that of its last change."""
    check_content(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        root: Node | None = yaml.compose(text, Loader=get_yaml_loader())
        yaml.load(text, Loader=get_yaml_loader())  # which sees keys that are there twice
    except yaml.MarkedYAMLError as error:
        raise UserError(yaml_sentence(error, path)) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); mend it") from None
    if root is not None and not isinstance(root, MappingNode):
        kind = "a list" if isinstance(root, SequenceNode) else "text"
        raise UserError(f"{path}, line {root.start_mark.line + 1}: this is {kind}; write KEY: VALUE, one on each line")
    return root


def yaml_sentence(error: yaml.MarkedYAMLError, path: Path | None = None) -> str:
    """Says where a file is no YAML, and why. path: the file; None: the error names it."""
    mark = error.problem_mark or error.context_mark
    place = f"{path or (mark.name if mark else 'a file')}, line {mark.line + 1 if mark else 1}"
    if "\\t" in str(error.problem):
        return f"{place}: YAML takes no tab at the beginning of a line; put spaces in its place"
    return f"{place}: {error.problem or first_line(error)}; mend it"


def value_of(path: Path, key: str) -> str | None:
    """Reads the text that stands below a key at the top of a file; None if the key is not there."""
    return next((str(node.value) for key_node, node in _entries(path) if key_node.value == key), None)


def _texts(node: Node | None, key: str, hint: Any) -> Iterator[tuple[str, ScalarNode]]:
    """Yields the places where text belongs, with their keys. hint: the type that the schema gives the node; None: a section."""
    if isinstance(node, MappingNode):
        is_open = typing.get_origin(hint) is dict
        for key_node, value in node.value:
            name = f"{key}.{key_node.value}".removeprefix(".")
            if is_open:
                yield from _texts(key_node, key, str)
            yield from _texts(value, name, typing.get_args(hint)[1] if is_open else key_types().get(name))
    elif isinstance(node, SequenceNode):
        lists = [choice for choice in (hint, *typing.get_args(hint)) if typing.get_origin(choice) is list]
        items = typing.get_args(lists[0])[0] if lists else None
        for value in node.value:
            yield from _texts(value, key, items)
    elif isinstance(node, ScalarNode) and (hint is str or str in typing.get_args(hint)):
        may_be_null = type(None) in typing.get_args(hint)
        if node.tag != f"{TAG}null" or not may_be_null:
            yield key, node


def _other_value(node: ScalarNode) -> str | None:
    """Returns what YAML makes of a text, where that is written otherwise than the text; None where it is the same."""
    kind = node.tag.removeprefix(TAG)
    if kind in ("bool", "null"):
        return {"bool": "true or false", "null": "nothing"}[kind]
    if kind == "int" and not re.fullmatch(r"-?(0|[1-9][0-9]*)", node.value):
        return "another number"
    if kind == "float" and not re.fullmatch(r"-?[0-9]+\.[0-9]*[1-9]|-?[0-9]+\.0", node.value):
        return "a number"
    return None
