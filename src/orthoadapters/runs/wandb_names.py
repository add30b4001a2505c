"""Names that W&B takes, made of the project's own: of a backbone's folder, a task, a sweep, which may be called anything."""

import hashlib
import re

from orthoadapters.config.logger import LONGEST, LONGEST_TAG

# W&B names the artifact of a table run-ID-KEY, and takes at most 128 characters. A key with a slash gets 7 more.
LONGEST_ID_WITH_TABLES = 60  # ours: it leaves room for keys as long
KEY_ROOM = LONGEST - len("run--") - 7


def short(text: str, most: int) -> str:
    """Returns a text of at most this many characters; a longer one ends with a hash, so that two texts stay two."""
    return text if len(text) <= most else f"{text[: most - 9]}-{_digest(text)}"


def safe_id(text: str, most: int = LONGEST) -> str:
    """Returns a text as an id of W&B: letters, digits, `_`, `.` and `-`; a changed one ends with a hash.

    W&B refuses some other characters, and ids stand in file names and addresses.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", text)
    return short(text, most) if safe == text else f"{safe[: most - 9]}-{_digest(text)}"


def safe_tags(texts: list[str]) -> list[str]:
    """Returns each text once, as a tag of W&B."""
    return list(dict.fromkeys(short(text, LONGEST_TAG) for text in texts if text))


def safe_key(text: str, run_id: str) -> str:
    """Returns the name of a table or picture as a key of this W&B run."""
    return short(text, KEY_ROOM - len(run_id))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
