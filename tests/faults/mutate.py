"""Mutations of anything that is read: words of a command, text, bytes, JSON, YAML, headers of safetensors."""

import json
import random
from collections.abc import Callable
from typing import Any

import yaml

from orthoadapters.config.keys import key_types

# What forms, command lines and other people's files hold where something else belongs.
NASTY: list[Any] = [
    *("", " ", "null", "~", "-", "true", "no", "???", "[]", "{}", "[a", "{a: ", "[[" * 300, "a" * 5000, "ß" * 300),
    *("0", "-1", "1e400", "nan", "-inf", ".nan", "9" * 30, "9" * 5000, "1_000", "0x10", "1.5", "1e-400"),
    *("${oc.env:HOME}", "${x", "${optim.lr}", "$HOME", "../../x", "/etc/passwd", "~", "a/b", ".", "..", "\\"),
    *("\x1b[2Jx", "a\x07b", "a\u2028b", "a\nb", "a\rb", "a\x00b", "\ufeffa", "\U0001f642", "\u202ex", "e\u0301"),
    *("'", '"', "%s%n", "{0}", "{task}", "=1+1", "<script>", r"\input{x}", "&a *a", "!!python/name:os.system", "# x"),
    *(None, True, False, 0, -1, 1, 7, 1.5, -0.0, 10**30, float("nan"), float("inf"), [], {}, [1], [[]], {"a": 1}),
    *([None], {"": None}, ["a", 1], "\ud83d", "B-PER", "en", "sw", "last", "word", "conf/task/udpos.yaml"),
]
TEXTS = [text for text in NASTY if isinstance(text, str)]
LINE_ENDS = ["\n", "\r\n", "\r", "\n\n", "\x0b", "\x85", ""]


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cuts, changes, repeats, blanks, or fills in."""
    data = bytearray(content)
    at, end = (rng.randrange(len(data) + 1) for _ in range(2))
    at, end = min(at, end), min(max(at, end), at + 64)
    match rng.randrange(7):
        case 0:
            del data[at:]
        case 1 if data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        case 2:
            data[at:end] = bytes(end - at)
        case 3:
            data[at:at] = data[at:end] * rng.randint(1, 50)
        case 4:
            del data[at:end]
        case 5:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        case _:
            return rng.choice([b"", b"\0" * 512, b"\xff\xfe", b"PK\x03\x04", b"\x80\x04.", b"\xef\xbb\xbf" + content])
    return bytes(data)


def mutate_text(content: bytes, rng: random.Random) -> bytes:
    """Changes lines, columns and words of a text, or how it is encoded."""
    text = content.decode("utf-8", "replace")
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    match rng.randrange(10):
        case 0:
            lines.insert(at, rng.choice(lines))
        case 1:
            lines[at] = rng.choice(TEXTS)
        case 2:
            del lines[at]
        case 3 | 4:
            # One column, word or value becomes another.
            separator = rng.choice([one for one in ("\t", ": ", " ", ",", '"') if one in lines[at]] or [" "])
            parts = lines[at].split(separator)
            parts[rng.randrange(len(parts))] = rng.choice(TEXTS)
            lines[at] = separator.join(parts)
        case 5:
            separator, other = (
                rng.choice(["\t", " ", ":", ",", "-"]),
                rng.choice(["\t", " ", "", ";", "\u00a0", "\x00"]),
            )
            lines[at] = lines[at].replace(separator, other, rng.choice([1, -1]))
        case 6:
            return encode(rng.choice(LINE_ENDS).join(lines))
        case 7:
            return text.encode(rng.choice(["utf-16", "utf-16-le", "latin-1", "utf-8-sig", "cp037"]), "replace")
        case 8:
            column = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:column] + rng.choice(TEXTS) + lines[at][column:]
        case _:
            return mutate_bytes(content, rng)
    return encode("\n".join(lines))


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Changes one place in what JSON or YAML holds: a value, a key, an item more or less."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(NASTY)
    if isinstance(value, list):
        value, at = list(value), rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                del value[at]
            case 1:
                value.insert(at, rng.choice([value[at], *NASTY]))
            case _:
                value[at] = mutate_value(value[at], rng)
        return value
    value, key = dict(value), rng.choice(list(value))
    match rng.randrange(8):
        case 0:
            del value[key]
        case 1:
            value[rng.choice(TEXTS)] = value.pop(key)
        case 2:
            value[rng.choice([*TEXTS, *key_types()])] = rng.choice(NASTY)
        case _:
            value[key] = mutate_value(value[key], rng)
    return value


def mutate_json(content: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        return mutate_text(content, rng)
    return json.dumps(mutate_value(json.loads(content), rng)).encode()


def mutate_yaml(content: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return mutate_text(content, rng)
    header = b"# @package _global_\n" if content.startswith(b"# @package _global_") else b""
    return header + encode(yaml.safe_dump(mutate_value(yaml.safe_load(content), rng), sort_keys=False))


def mutate_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Changes the header of a file of tensors, its numbers, or any byte."""
    length = int.from_bytes(content[:8], "little")
    header, numbers = content[8 : 8 + length], bytearray(content[8 + length :])
    choice = rng.random()
    if choice < 0.2:
        return mutate_bytes(content, rng)
    if choice < 0.4:
        at = 4 * rng.randrange(len(numbers) // 4)
        numbers[at : at + 4] = rng.choice([b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f", b"\0\0\0\0"])
    else:
        header = mutate_json(header, rng) if choice < 0.9 else mutate_bytes(header, rng)
    return len(header).to_bytes(8, "little") + header + numbers


def mutate_words(words: list[str], rng: random.Random) -> list[str]:
    """Changes one to three words of a command line."""
    words, key = list(words), rng.choice(list(key_types()))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(words))
        name, equals, value = words[at].partition("=")
        match rng.randrange(8):
            case 0:
                words.insert(at, f"{rng.choice(['', '+', '++', '~'])}{key}={rng.choice(NASTY)}")
            case 1 if len(words) > 1:
                del words[at]
            case 2:
                words[at] = rng.choice(["+", "++", "~", "-", "--"]) + words[at]
            case 3:
                words[at] = mutate_text(encode(words[at]), rng).decode("utf-8", "replace")
            case 4:
                words[at] = (
                    f"{name}{equals}{rng.choice([f'[{value}]', f'{value},{value}', f'{{a:{value}}}', 'glob(*)'])}"
                )
            case 5:
                words.append(rng.choice([*TEXTS, "--cfg", "-m", "--help", "--version", "--config-dir", "--resolve"]))
            case _:
                words[at] = f"{name}{equals}{rng.choice(NASTY)}"
    return [word.replace("\x00", "").encode("utf-8", "replace").decode() for word in words]


Mutator = Callable[[bytes, random.Random], bytes]


def mutator(name: str) -> Mutator:
    """Returns what changes a file of this name."""
    endings: dict[str, Mutator] = {
        ".json": mutate_json,
        ".yaml": mutate_yaml,
        ".safetensors": mutate_safetensors,
        ".npy": mutate_bytes,
        ".npz": mutate_bytes,
        ".bin": mutate_bytes,
        ".ckpt": mutate_bytes,
    }
    return next((function for ending, function in endings.items() if name.endswith(ending)), mutate_text)
