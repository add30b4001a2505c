"""JSON as records have it: its numbers are such as a float holds, and its texts such as can be written."""

import json
import math
import re
from typing import Any

EXCERPT = 20  # ours: digits of a number that a sentence shows
# What a number beyond a float's range has: hundreds of digits, or an exponent of hundreds. To look at each number would take a
# good part of the time in which a tokenizer's file is read.
VAST = re.compile(r"[0-9]{300}|[0-9][eE]\+?0*[0-9]{3}")


def parse_json(text: str) -> Any:
    """Reads JSON. Raises ValueError for what is none, and RecursionError for deep brackets.

    It takes no number beyond a float's range: Python would read 1e400 as infinity, and a whole number of 400 digits as one
    that fails where it meets a float. Nor half a pair of surrogates, which can be neither printed nor written. NaN and
    Infinity, which no JSON has and Python reads, are left to those who check what they read.
    """
    record = json.loads(text, parse_int=_whole, parse_float=_float) if VAST.search(text) else json.loads(text)
    if "\\ud" in text or "\\uD" in text:
        json.dumps(record, ensure_ascii=False).encode()
    return record


def _whole(digits: str) -> int:
    _float(digits)
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {short_number(digits)} is beyond what a float holds")
    return number


def short_number(digits: str) -> str:
    """Shortens a number of hundreds of digits, for a sentence."""
    return digits if len(digits) <= EXCERPT else f"{digits[:EXCERPT]}..."
