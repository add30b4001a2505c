"""The comments of the configuration: those of schema.py about every key, and those of conf/ about every value."""

import ast
import inspect
import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

import yaml

from orthoadapters.config import schema
from orthoadapters.config.compose import CONF


@dataclass(frozen=True)
class Line:
    """A value of a YAML file as it is written there, and the comment behind it."""

    value: str
    comment: str = ""

    @property
    def source(self) -> str:
        """The part of the comment from `paper:` or `ours:` on; empty if there is none."""
        match = re.search(r"\b(paper|ours): .*", self.comment)
        return match[0] if match else ""


# The lines by dotted key.
Lines = dict[str, Line]


def schema_comments() -> dict[tuple[str, str], str]:
    """Reads schema.py: (class, field) -> the comment above the field or behind it; a field without one is left out."""
    source = inspect.getsource(schema)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token for token in tokens if token.type == tokenize.COMMENT}
    texts = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                first, last = field.lineno, field.end_lineno or field.lineno
                lines = [number for number in range(first, last + 1) if number in comments]
                if first - 1 in comments and comments[first - 1].start[1] == field.col_offset:
                    lines = []
                    while first - 1 in comments and comments[first - 1].start[1] == field.col_offset:
                        first -= 1
                        lines.insert(0, first)
                if lines:
                    texts[node.name, field.target.id] = " ".join(comments[line].string.strip("# ") for line in lines)
    return texts


def default_lines() -> Lines:
    """Reads the lines that `python train.py` composes: conf/config.yaml, then the files that its defaults list names."""
    lines = yaml_lines(CONF / "config.yaml")
    for group, choice in _named_files(CONF / "config.yaml").items():
        path = CONF / group / f"{choice}.yaml"
        if path.exists():
            is_global = path.read_text().startswith("# @package _global_")
            lines |= {key if is_global else f"{group}.{key}": line for key, line in file_lines(path).items()}
    return lines


def file_lines(path: Path) -> Lines:
    """Reads a group's file: what it sets, what the file that it builds on sets, and the files of other groups it names."""
    lines: Lines = {}
    for entry in yaml.safe_load(path.read_text()).get("defaults", []):
        if isinstance(entry, str) and path.with_name(f"{entry}.yaml").exists():
            lines |= file_lines(path.with_name(f"{entry}.yaml"))
    return lines | yaml_lines(path) | {group: Line(choice) for group, choice in _named_files(path).items()}


def yaml_lines(path: Path) -> Lines:
    """Reads a file that nests by two spaces, as all of conf/ do; its defaults list and Hydra's own keys are left out."""
    lines: Lines = {}
    parents: list[str] = []
    for match in re.finditer(r"^( *)(\w+):(?: +(.*?))??(?:  # (.*))?$", path.read_text(), re.MULTILINE):
        indent, name, value, comment = match.groups(default="")
        parents = [*parents[: len(indent) // 2], name]
        if value and parents[0] not in ("defaults", "hydra"):
            lines[".".join(parents)] = Line(value, comment)
    return lines


def _named_files(path: Path) -> dict[str, str]:
    """Reads the defaults list of a file: group -> the file that it names; null is left out."""
    entries = [entry for entry in yaml.safe_load(path.read_text()).get("defaults", []) if isinstance(entry, dict)]
    files = {key.removeprefix("override ").strip("/"): choice for entry in entries for key, choice in entry.items()}
    return {group: choice for group, choice in files.items() if choice is not None}
