"""Damaged and hostile copies of small, sound files: mutant number N of a format is the same in every run."""

import random
import zipfile
from io import BytesIO
from pathlib import Path

WORDS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    0xFFFFFFFE,
    0xFFFFFF00,
)
MOST_CHANGES = 4


def _flip(data, dice):
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _byte(data, dice):
    data[dice.randrange(len(data))] = dice.randrange(256)


def _word(data, dice):
    at = dice.randrange(max(1, len(data) - 3))
    at -= at % 4 if dice.random() < 0.7 else 0
    data[at : at + 4] = dice.choice(WORDS).to_bytes(4, "little")


def _add(data, dice):
    at = dice.randrange(max(1, len(data) - 3))
    value = int.from_bytes(data[at : at + 4], "little") + dice.choice((-4, -1, 1, 4, 8, 64))
    data[at : at + 4] = (value % 2**32).to_bytes(4, "little")


def _cut(data, dice):
    del data[dice.randrange(len(data)) :]


def _remove(data, dice):
    at = dice.randrange(len(data))
    del data[at : at + dice.randrange(1, 64)]


def _insert(data, dice):
    at = dice.randrange(len(data) + 1)
    data[at:at] = dice.randbytes(dice.randrange(1, 16))


def _copy(data, dice):
    source, at, length = dice.randrange(len(data)), dice.randrange(len(data)), dice.randrange(1, 64)
    data[at : at + length] = data[source : source + length]


CHANGES = (_flip, _flip, _byte, _word, _word, _word, _add, _add, _cut, _remove, _insert, _copy)


def mutate(sound: bytes, number: int) -> bytes:
    """Mutant ``number`` of some bytes; headers and directories at both ends are hit more often than weights."""
    dice = random.Random(number)
    data = bytearray(sound)
    for _ in range(dice.randrange(1, MOST_CHANGES + 1)):
        if not data:
            break
        dice.choice(CHANGES)(data, dice)
    return bytes(data)


def write(sound: Path, number: int, folder: Path) -> Path:
    """Write mutant ``number`` of a file, or of one file of a package."""
    made = folder / f"{number}{sound.suffix}"
    if sound.is_file():
        made.write_bytes(mutate(sound.read_bytes(), number))
        return made
    parts = sorted(each for each in sound.rglob("*") if each.is_file())
    hit = parts[number % len(parts)]
    if number % 7 == 0:  # as one archive
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for each in parts:
                archive.writestr(each.relative_to(sound).as_posix(), each.read_bytes())
        made.write_bytes(mutate(packed.getvalue(), number))
        return made
    for each in parts:
        target = made / each.relative_to(sound)
        target.parent.mkdir(parents=True, exist_ok=True)
        data = each.read_bytes()
        target.write_bytes(mutate(data, number) if each == hit else data)
    return made
