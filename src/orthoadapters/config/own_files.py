"""Mistakes in a YAML file of a group that no schema can see: another file's name in it, and text that YAML reads otherwise."""

import dataclasses
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orthoadapters.config.keys import OPEN, OPTIONAL_GROUPS, key_types
from orthoadapters.config.messages import FORMER_KEYS, nearest
from orthoadapters.config.schema import Config
from orthoadapters.config.yaml_nodes import TAG, entries, has_header, is_global, root_node
from orthoadapters.errors import UserError

# What stands at a key, in words.
FORMS: dict[type[Node], str] = {
    ScalarNode: "one value",
    SequenceNode: "a list",
    MappingNode: "a mapping",
}
# How each of them is written.
LAYOUTS: dict[type[Node], str] = {
    ScalarNode: "write it alone",
    SequenceNode: "write [VALUE, VALUE]",
    MappingNode: "write KEY: VALUE below it, one on each line",
}
# The key in which a file of a group says its own name once more.
NAME_KEYS = {"language": "code", "task": "name", "variant": "name", "backbone": "name", "domain": "name"}


def check_file(path: Path, group: str) -> None:
    """Refuses a file of a group as `check_texts`, `check_keys`, `check_forms` and `check_name` do."""
    check_texts(path, group)
    check_keys(path, group)
    check_forms(path, group)
    check_name(path, group)


def check_texts(path: Path, group: str) -> None:
    """Refuses a file without any key, and one with text that YAML reads as something else."""
    if not entries(path):
        what = "has nothing but comments" if path.read_text(encoding="utf-8-sig").strip() else "is empty"
        raise UserError(
            f"{path} {what}; write KEY: VALUE into it, one on each line, as the files of conf/{group}/ have them"
        )
    for key, node in _texts(root_node(path), "" if is_global(path) else group, None):
        if not node.value and node.tag == f"{TAG}null":
            raise UserError(
                f"{path}, line {node.start_mark.line + 1}: {key} has no value; write one, or take the line out"
            )
        if (value := _other_value(node)) is not None:
            raise UserError(
                f"{path}, line {node.start_mark.line + 1}: YAML reads {node.value} of {key} as {value} and not as text; put "
                f"quotes around it: '{node.value}'"
            )


def check_keys(path: Path, group: str) -> None:
    """Refuses a file with a key that the schema does not have."""
    has_section = group not in OPTIONAL_GROUPS and dataclasses.is_dataclass(key_types().get(group))
    is_group = has_section and not has_header(path)
    root = root_node(path) if is_group or is_global(path) else None
    for key, line in _unknown_keys(root, group if is_group else ""):
        place, (section, _, name) = f"{path}, line {line}", key.rpartition(".")
        if former := FORMER_KEYS.get(name):
            raise UserError(f"there is no key '{key}' in {place} any more; {former}")
        others = [other.removeprefix(f"{section}.") for other in key_types() if other.rpartition(".")[0] == section]
        raise UserError(f"there is no key '{key}' in {place}{nearest(name, others) or '; take it out'}")


def check_forms(path: Path, group: str) -> None:
    """Refuses a file with one value where a list or keys belong, or the other way round, and with null where none may be."""
    hint = Config if is_global(path) else None if has_header(path) else key_types().get(group)
    for key, node, form in _other_forms(root_node(path), "" if is_global(path) else group, hint):
        is_null = node.tag == f"{TAG}null"
        form_here = "there is none" if is_null else f"this is {FORMS[type(node)]}"
        raise UserError(
            f"{path}, line {node.start_mark.line + 1}: {key} takes {FORMS[form]}, and {form_here}; {LAYOUTS[form]}"
        )


def _other_forms(node: Node | None, key: str, hint: Any) -> Iterator[tuple[str, Node, type[Node]]]:
    """Yields the nodes that have not the form of their type, with their keys and that form. hint: the type of the node."""
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    is_open = isinstance(node, ScalarNode) and (node.value == "???" or "${" in node.value)
    if node is None or hint is None or Any in choices or is_open:
        return
    forms = {_form(choice): choice for choice in choices if choice is not type(None)}
    if node.tag == f"{TAG}null":
        if type(None) not in choices and str not in choices:  # of texts, `check_texts` says it
            yield key, node, next(iter(forms))
    elif type(node) not in forms:
        yield key, node, next(iter(forms))
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield from _other_forms(item, f"{key}[{number}]", typing.get_args(forms[SequenceNode])[0])
    elif isinstance(node, MappingNode):
        items = typing.get_args(forms[MappingNode])
        for key_node, value in node.value:
            name = f"{key}.{key_node.value}".removeprefix(".")
            yield from _other_forms(value, name, items[1] if items else key_types().get(name))


def _form(hint: Any) -> type[Node]:
    if typing.get_origin(hint) is list:
        return SequenceNode
    return MappingNode if typing.get_origin(hint) is dict or dataclasses.is_dataclass(hint) else ScalarNode


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
    for key_node, node in entries(path) if is_global(path) else []:
        if group != "stage" and key_node.value == "stage":
            raise UserError(
                f"{path}, line {node.start_mark.line + 1}: stage: {node.value} sets the name alone, without the stage's "
                f"learning rates; write `- override /stage: {node.value}` below defaults:"
            )


def is_section(path: Path) -> bool:
    """Says whether a file sets keys of its group alone: it has neither Hydra's header nor a list of defaults."""
    return not has_header(path) and all(key.value != "defaults" for key, _ in entries(path))


def may_set(path: Path, group: str) -> bool:
    """Says whether a file of another group can set a key of this one: by the key, or by files that its defaults add."""
    for key, node in entries(path):
        adds_files = key.value == "defaults" and not all(map(_is_override, node.value))
        if key.value == group or adds_files:
            return True
    return False


def chosen_files(path: Path) -> Iterator[tuple[str, str]]:
    """Yields the groups and names of the files that a file's list of defaults chooses with `override`."""
    for key, node in entries(path):
        for entry in node.value if key.value == "defaults" else []:
            for override, name in entry.value if isinstance(entry, MappingNode) else []:
                if override.value.startswith("override /") and isinstance(name, ScalarNode):
                    yield override.value.removeprefix("override /"), name.value


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
    if group == "language" and not {key.value for key, _ in entries(path)} & {"code", "defaults"}:
        raise UserError(f"{path} has no code; write the line `code: {path.stem}` into it")
    for key_node, node in entries(path):
        is_name = key_node.value == NAME_KEYS.get(group) and isinstance(node, ScalarNode)
        if is_name and not node.tag.endswith(":null") and node.value not in (path.stem, "???"):
            raise UserError(
                f"{path}, line {node.start_mark.line + 1}: {key_node.value}: {node.value} in a file whose name is "
                f"{path.stem}; both are the name that {group}={path.stem} means, so write {key_node.value}: {path.stem}, or "
                "give the file the other name"
            )


def value_of(path: Path, key: str) -> str | None:
    """Reads the text that stands below a key at the top of a file; None if the key is not there."""
    return next((str(node.value) for key_node, node in entries(path) if key_node.value == key), None)


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
