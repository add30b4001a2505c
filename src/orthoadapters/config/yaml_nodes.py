"""A YAML file of a group as YAML's nodes, which have their lines, where its values alone would not say where a mistake is."""

import re
from functools import cache
from pathlib import Path

import yaml
from omegaconf._utils import get_yaml_loader
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orthoadapters.errors import UserError, first_line
from orthoadapters.files import check_content
from orthoadapters.json_text import short_number

TAG = "tag:yaml.org,2002:"
MOST_VALUES = 100_000  # ours: no configuration has a hundredth of it
LONGEST_NUMBER = 255  # ours: a float holds every whole number of so many characters, in whatever base


def root_node(path: Path) -> Node | None:
    """Reads a file; None if nothing but comments is in it. Raises UserError if it is no YAML, or a list or text."""
    return _read(path, time_of_change(path))


def time_of_change(path: Path) -> int:
    """Returns the time by which a file's content is known. Raises UserError for a link that leads nowhere."""
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); bring it back, or delete it") from None


@cache
def _read(path: Path, time: int) -> Node | None:
    """Reads a file once. time: that of its last change."""
    check_content(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        root: Node | None = yaml.compose(text, Loader=get_yaml_loader())
        _check_nodes(path, root)
        yaml.load(text, Loader=get_yaml_loader())  # which sees keys that are there twice
    except yaml.MarkedYAMLError as error:
        raise UserError(yaml_sentence(error, path)) from None
    except RecursionError:
        raise UserError(f"{path} cannot be read (it has brackets in brackets, too deep); mend it") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); mend it") from None
    if isinstance(root, ScalarNode) and root.tag == f"{TAG}null":
        return None
    if root is not None and not isinstance(root, MappingNode):
        kind = "a list" if isinstance(root, SequenceNode) else "text"
        raise UserError(f"{path}, line {root.start_mark.line + 1}: this is {kind}; write KEY: VALUE, one on each line")
    return root


def _check_nodes(path: Path, root: Node | None) -> None:
    """Refuses what would fail later without the file's name: a whole number beyond what a float holds, too many values.

    An alias counts as all that it stands for, so that one within itself stands for too many.
    """
    nodes, count = [root], 0
    while nodes:
        node = nodes.pop()
        count += 1
        if count > MOST_VALUES:
            raise UserError(
                f"{path}: with what its aliases (*NAME) stand for, it has more than {MOST_VALUES:,} values; write them out"
            )
        if isinstance(node, ScalarNode) and node.tag == f"{TAG}int" and len(node.value) > LONGEST_NUMBER:
            place = f"{path}, line {node.start_mark.line + 1}"
            raise UserError(
                f"{place}: the number {short_number(node.value)} is beyond what a float holds; write a smaller one"
            )
        if isinstance(node, MappingNode | SequenceNode):
            nodes += [one for part in node.value for one in (part if isinstance(node, MappingNode) else [part])]


def entries(path: Path) -> list[tuple[Node, Node]]:
    """Lists the keys at the top of a file with what stands below them."""
    root = root_node(path)
    return root.value if isinstance(root, MappingNode) else []


def line_of(path: Path, key: str) -> int | None:
    """Finds the line of a key's value, or of the item KEY[NUMBER]; None if the file does not set it.

    key: as a run has it, with its group, which the file of a group leaves out.
    """
    node = root_node(path)
    name = key if has_header(path) else key.partition(".")[2]
    line = None
    for part in re.findall(r"[^.\[\]]+", name):
        if isinstance(node, MappingNode):
            node = next((value for key_node, value in node.value if key_node.value == part), None)
        elif isinstance(node, SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
        else:
            return line
        if node is None:
            return line
        line = node.start_mark.line + 1
    return line


def is_global(path: Path) -> bool:
    """Says whether a file's keys are those of the whole configuration, and not of its group alone."""
    return path.read_text(encoding="utf-8-sig").startswith("# @package _global_")


def has_header(path: Path) -> bool:
    return path.read_text(encoding="utf-8-sig").startswith("# @package")


def yaml_sentence(error: yaml.MarkedYAMLError, path: Path | None = None) -> str:
    """Says where a file is no YAML, and why. path: the file; None: the error names it."""
    mark = error.problem_mark or error.context_mark
    place = f"{path or (mark.name if mark else 'a file')}, line {mark.line + 1 if mark else 1}"
    if "\\t" in str(error.problem):
        return f"{place}: YAML takes no tab at the beginning of a line; put spaces in its place"
    return f"{place}: {error.problem or first_line(error)}; mend it"
