"""The format of a file by its first bytes, so that a sentence can name what lies where another format belongs.

Of files of safetensors, the entries of their headers too.
"""

import codecs
import json
import re
from typing import Any

# ours: bytes that a format is recognised by; a first line of JSON may be long
BEGINNING = 4096
# UTF-32's mark of little endian begins as that of UTF-16, and comes first.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
# How packed files begin.
PACKERS = {b"\x1f\x8b": "gzip", b"\xfd7zXZ": "xz", b"BZh91AY": "bzip2", b"PK\x03\x04": "zip", b"(\xb5/\xfd": "zstd"}
# What else begins in a way of its own. A stream of Arrow is what `datasets` writes.
PARQUET, JSON_LINES, JSON, CONLLU, OFFICE_FILE = "Parquet", "JSON lines", "JSON", "CoNLL-U", "an Office file"
BINARIES = {
    b"PAR1\x15": PARQUET,  # the byte begins a page, and the record of a file without rows; PAR1 alone is a word
    b"ARROW1\0\0": "Arrow",
    b"\xff\xff\xff\xff": "Arrow",
    b"Obj\x01": "Avro",
    b"SQLite format 3\0": "SQLite",
    b"\x89HDF": "HDF5",
    b"\x93NUMPY": "an array of NumPy",
    b"%PDF-1.": "PDF",
    b"%PDF-2.": "PDF",
    b"{\\rtf1": "RTF",
    b"\xd0\xcf\x11\xe0": OFFICE_FILE,
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a pickle"),
}
# The files that lie first in the zip of a workbook or a document.
OFFICE = (b"[Content_Types].xml", b"_rels/.rels", b"mimetypeapplication/vnd.oasis", b"docProps/", b"xl/")
# The name of a type of numbers in safetensors, which begins with letters and the number's bits.
BITS = re.compile(r"[A-Z]+([0-9]{1,3})(?:_[A-Z0-9]+)?\Z")
# Comments that treebanks of Universal Dependencies begin with.
TREEBANK = re.compile(r"# *((sent_id|text|global\.columns) *=|(newdoc|newpar)\b)")


def encoding_of(start: bytes) -> str:
    """Names UTF-16 or UTF-32 by a byte order mark, or by the zeros beside the first two letters; empty for all else."""
    for mark, name in MARKS.items():
        if start.startswith(mark) and len(start) > len(mark):
            return name
    if start[:4].count(0) == 3 and start[4:8].count(0) == 3:
        return "UTF-32"
    # A file of zeros is what a power cut may leave, and no text.
    return "UTF-16" if b"\0\0" in (start[0:4:2], start[1:4:2]) and any(start[:4]) else ""


def packer_of(start: bytes) -> str:
    """Names the program that packed a file; empty for all else, and for Office files, which are zip inside."""
    packer = next((name for begin, name in PACKERS.items() if start.startswith(begin)), "")
    return "" if binary_format(start) else packer


def binary_format(start: bytes) -> str:
    """Names the format of a file that is no text; empty for all else, packed files too."""
    if start.startswith(b"PK\x03\x04") and start[30:].startswith(OFFICE):
        return OFFICE_FILE
    return next((name for begin, name in BINARIES.items() if start.startswith(begin)), "")


def format_of(start: bytes) -> str:
    """Names a file's format by its first bytes: one of BINARIES, JSON lines, JSON, CoNLL-U; empty for all else."""
    if name := binary_format(start):
        return name
    text = start.decode("utf-8-sig", errors="replace").lstrip()
    rows = [row for row in text.split("\n") if row.strip() and not row.startswith("#")]
    columns = rows[0].split("\t") if rows else []
    if (len(columns) == 10 and re.fullmatch("1|1-[0-9]+|0[.]1", columns[0])) or (not rows and TREEBANK.match(text)):
        return CONLLU
    return _json_format(text, len(start) >= BEGINNING)


def _json_format(text: str, is_cut: bool) -> str:
    """Tells JSON lines from other JSON with names; empty for all else. is_cut: the file goes on after this text."""
    if not re.match(r'[{[]\s*([{[]\s*)*"([^"\\]|\\.)*"\s*:', text):
        return ""
    try:
        end = json.JSONDecoder().raw_decode(text)[1]
    except json.JSONDecodeError as error:
        if not is_cut or ("Unterminated string" not in error.msg and error.pos < len(text) - 1):
            return ""
        end = len(text)
    except RecursionError:
        return ""
    if text[end:].partition("\n")[0].strip():
        return ""
    return JSON_LINES if text.startswith("{") and "\n" not in text[:end] else JSON


def is_tensor(entry: dict[str, Any]) -> bool:
    """Says whether an entry of a header of safetensors has a type, a shape, and a place in the file of just that length."""
    begin, end = entry["data_offsets"]
    counts = [begin, end, *entry["shape"]]
    # No file has so long a place, and the product of numbers without a bound would take minutes.
    if not isinstance(entry["shape"], list) or not all(type(count) is int and 0 <= count < 2**63 for count in counts):
        return False
    # A type's name has its bits: F32, BF16, F8_E4M3.
    bits = 8 if entry["dtype"] == "BOOL" else int(BITS.match(entry["dtype"])[1])  # type: ignore[index]
    if 0 in entry["shape"]:
        return begin == end
    for count in entry["shape"]:
        bits *= count
        if bits > 8 * (end - begin):
            return False
    return bits == 8 * (end - begin)
