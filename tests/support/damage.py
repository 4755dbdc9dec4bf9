"""Slips of the hand, for tests that break good specs: of characters, tokens, lines and values."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

__all__ = ["NUMBERS", "PIECES", "WORDS", "damage"]

TOKENS = re.compile(r"\w+|\s+|[^\w\s]")
NUMBERS = ["0", "-1", "-7", "1.5", "1e9", "1e-9", "99999999999999999999", "0x10", ".inf", ".nan"]
NUMBERS += ["2147483648", "9007199254740993", "1_000", "010", "1e400", "$x", "yes", "~", '"3"']
NUMBERS += ["[]", "9" * 400, "-" + "9" * 400, "1e-400", "-1e308", "1e9999", "0x" + "f" * 300]
WORDS = ["op", "from", "repeat", "when", "steps", "branches", "merge", "input", "inputs", "params"]
WORDS += ["inflate"]
PIECES: list[str] = [
    *"{}[]:,\t#|>'\"$%@`\\\r\u00a0\u2028é",
    ": ",
    ", ",
    "- ",
    "\n",
    "  ",
    "&a ",
    "*a",
    "!t ",
]
PIECES += ["${", "<<: ", "? ", "---\n", *WORDS]


def damage(text: str, rng: random.Random, slips: int) -> str:
    """A few slips of the hand; half of the time of a kind that mostly leaves a text YAML."""
    kinds: list[Callable[[str, random.Random], str]] = [_key, _value, _value, _number, _line]
    if rng.random() < 0.5:
        kinds += [_byte, _token, _token, _cut, _insert, _insert]
    for _ in range(slips):
        text = rng.choice(kinds)(text, rng)
    return text


def _byte(text: str, rng: random.Random) -> str:
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 3) if data else 0):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data.decode("utf-8", "replace")


def _token(text: str, rng: random.Random) -> str:
    tokens = TOKENS.findall(text)
    if len(tokens) < 2:
        return text
    i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    action = rng.randrange(4)
    if action == 0:
        del tokens[i]
    elif action == 1:
        tokens[i], tokens[j] = tokens[j], tokens[i]
    elif action == 2:
        tokens.insert(i, tokens[j])
    else:
        tokens[i] = tokens[j]
    return "".join(tokens)


def _line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    line = lines.pop(rng.randrange(len(lines)))
    action = rng.randrange(4)
    if action:
        lines.insert(rng.randint(0, len(lines)), line)
    if action == 2:
        lines.insert(rng.randint(0, len(lines)), line)
    if action == 3:
        at = rng.randrange(len(lines))
        lines[at] = " " * rng.randint(0, 4) + lines[at].lstrip(" ")
    return "".join(lines)


def _replace(pattern: str, text: str, rng: random.Random, new: str) -> str:
    matches = list(re.finditer(pattern, text))
    if not matches:
        return text
    start, end = rng.choice(matches).span()
    return text[:start] + new + text[end:]


def _key(text: str, rng: random.Random) -> str:
    words = re.findall(r"[\w.-]+", text) or ["x"]
    new = rng.choice([rng.choice(words), rng.choice(PIECES), rng.choice(words)[:-1], ""])
    return _replace(r"[\w.-]+(?=:)", text, rng, new)


def _value(text: str, rng: random.Random) -> str:
    words = re.findall(r"[$\w.-]+", text) or ["x"]
    new = rng.choice([rng.choice(words), f"${rng.choice(words)}", f"[{rng.choice(words)}]", "{}"])
    new = rng.choice([new, f"{rng.choice(words)} {rng.choice('+-*/%')} {new}", f'"{new}"'])
    return _replace(r"(?<=: )[^\s,{}\[\]]+", text, rng, new)


def _number(text: str, rng: random.Random) -> str:
    return _replace(r"(?<![\w.])\d+(\.\d+)?", text, rng, rng.choice(NUMBERS))


def _cut(text: str, rng: random.Random) -> str:
    at, width = rng.randint(0, len(text)), rng.randint(0, 80)
    return text[:at] if rng.random() < 0.3 else text[:at] + text[at + width :]


def _insert(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    count: int = rng.choice((1, 1, 1, 2, 70))
    return text[:at] + rng.choice(PIECES) * count + text[at:]
