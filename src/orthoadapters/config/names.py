"""Names that become parts of paths: what of a name would lead out of its folder, or is none that a disk takes."""

import hashlib
import re

from orthoadapters.config.schema import Config, Stage
from orthoadapters.errors import UserError

LONGEST = 200  # ours: bytes of a part; disks take 255, of which temporary names and endings need some
LONGEST_FILE = 150  # ours: bytes, as a report puts words before and endings behind
# Characters that end lines, or that no file can hold.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_names(config: Config) -> None:
    """Refuses names of which no directory can be made, or one elsewhere."""
    names = {"backbone.name": str(config.backbone.name), "variant.name": config.variant.name}
    if config.stage is Stage.mlm:
        codes = {"language.code": config.language.code}
    else:
        names["task.name"] = config.task.name
        codes = {"source_language": config.source_languages[0]}
        codes |= {f"source_language[{i}]": code for i, code in enumerate(config.source_languages) if i}
        codes |= {f"languages[{number}]": code for number, code in enumerate(config.languages or [])}
        if isinstance(config.transfer.train_under, list):
            codes |= {f"transfer.train_under[{i}]": code for i, code in enumerate(config.transfer.train_under)}
    if config.domain.name is not None:
        codes["domain.name"] = config.domain.name
    for key, name in (names | codes).items():
        if problem := name_problem(name, is_part=key in codes):
            raise UserError(f"{key}={name!r} {problem}, and becomes a part of paths; give it another name")


def adapter_name(config: Config, language: str, *, of_domain: bool | None = None) -> str:
    """Names the adapter that a language has in a configuration: the language's own, or the domain's that lies on it.

    of_domain: None: the one that stage=mlm trains.
    """
    name = f"{language}-{config.variant.language_adapter.value}"
    of_domain = config.trains_domain if of_domain is None else of_domain
    return f"{name}-{config.domain.name}-{config.domain.kind.value}" if of_domain else name


def name_problem(name: str, *, is_part: bool = True) -> str:
    """Says why a name is none; empty for a good one. is_part: it is one part of a path, so that no / may be in it."""
    parts = [name] if is_part else name.split("/")
    if "" in parts:
        return "is empty" if not name else "has an empty part, or begins at the top of the disk"
    if any(part in (".", "..") for part in parts):
        return "leads to another folder"
    if is_part and "/" in name:
        return "has a / in it"
    if CONTROL.search(name):
        return "has a character that cannot be printed"
    if any(len(part.encode(errors="replace")) > LONGEST for part in parts):
        return f"is longer than {LONGEST} bytes"
    return ""


def file_name(text: str) -> str:
    """Makes any text the name of a file, without its ending: the same text if it is one."""
    safe = re.sub(r"[/\\]", "-", CONTROL.sub("-", text)).lstrip(".")
    if safe == text and len(text.encode()) <= LONGEST_FILE:
        return text
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
    return f"{safe.encode()[: LONGEST_FILE - 9].decode(errors='ignore')}-{digest}"
