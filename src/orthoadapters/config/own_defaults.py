"""Mistakes in a file's list of defaults, which Hydra reports without the file: a group or a name that is not there."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orthoadapters.config.messages import nearest
from orthoadapters.config.yaml_nodes import TAG, entries
from orthoadapters.errors import UserError

# Hydra's own words before a group.
WORDS = ("optional", "override")


def check_defaults(path: Path, group: str, names: Mapping[str, Sequence[str]]) -> None:
    """Refuses a file whose list of defaults names no group or file that there is.

    group: the file's own. names: those of the files of every group.
    """
    for key, node in entries(path):
        if key.value == "defaults" and isinstance(node, SequenceNode):
            for entry in node.value:
                _check_entry(f"{path}, line {entry.start_mark.line + 1}", entry, group, names)


def _check_entry(place: str, entry: Node, group: str, names: Mapping[str, Sequence[str]]) -> None:
    if isinstance(entry, ScalarNode):
        # A name alone is a file of the same group.
        _check_names(place, group, [entry], names)
    for key, value in entry.value if isinstance(entry, MappingNode) else []:
        *words, other = str(key.value).split()
        other = other.partition("@")[0]
        if other.startswith(("/hydra", "hydra")) or "optional" in words:
            continue
        if (name := other.removeprefix("/")) not in names:
            raise UserError(
                f"{place}: there is no group '{name}'{nearest(name, list(names))}; there are: {', '.join(names)}"
            )
        if not other.startswith("/") or ("override" not in words and group != name):
            raise UserError(
                f"{place}: `{key.value}: {_text(value)}` chooses no file here, as {name} is a group of its own that every "
                f"run has a file of; write `override /{name}: {_text(value)}`"
            )
        _check_names(place, name, value.value if isinstance(value, SequenceNode) else [value], names)


def _check_names(place: str, group: str, nodes: Sequence[Node], names: Mapping[str, Sequence[str]]) -> None:
    for name in _names(nodes):
        if name not in names[group]:
            near = nearest(name, names[group])
            raise UserError(f"{place}: {group} has no '{name}'{near}; there are: {', '.join(names[group])}")


def _names(nodes: Sequence[Node]) -> Iterator[str]:
    """Yields the names of files, without what stands for none or is known only when all files are composed."""
    for node in nodes:
        text = str(node.value).removesuffix(".yaml")
        if node.tag != f"{TAG}null" and text != "_self_" and "${" not in text and "/" not in text:
            yield text.partition("@")[0]


def _text(node: Node) -> str:
    return (
        f"[{', '.join(str(item.value) for item in node.value)}]" if isinstance(node, SequenceNode) else str(node.value)
    )
