"""Makes a net's first input out of raw samples, as its spec says. Training and scoring both do it here."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datasets import pictures, sound
from datasets.values import Array, Part
from registry.spec import ChannelOrder, InputKind, Port, Preprocessing, Resize
from zoo.errors import UsageError

_Floats = NDArray[np.float32]
_AXES = {"H": "H", "T": "H", "W": "W", "F": "W", "C": "C"}  # time goes down, features go across
_SAMPLES_AT_ONCE = 512


def prepare(part: Part, preprocessing: Preprocessing, port: Port) -> _Floats:
    """Make the values that go into an input.

    Args:
        part: raw samples.
        preprocessing: what happens to them.
        port: the input: its shape (the first axis counts samples) and layout. `fed` applies its type.

    Returns:
        (samples, *port.shape[1:]).

    Raises:
        UsageError: the samples, the preprocessing and the port contradict each other; all problems are listed.
    """
    found = problems(part, preprocessing, port)
    if found:
        raise UsageError(f"the input spec does not fit: {'; '.join(found)}")
    made = np.empty((len(part), *_lengths(port)), np.float32)
    for start in range(0, len(part), _SAMPLES_AT_ONCE):
        stop = min(len(part), start + _SAMPLES_AT_ONCE)
        made[start:stop] = _values(part.samples[start:stop], preprocessing, port)
    return made


def fed(values: Array, port: Port) -> Array:
    """Values as the elements of an input: rounded by its scale and zero point, and of its type.

    Args:
        values: what `prepare` makes.
        port: the input.
    """
    wanted = np.dtype(port.dtype)
    if wanted.kind not in "iu":
        return values.astype(wanted, copy=False)
    steps = (
        values if port.scale is None else values / np.float32(port.scale) + np.float32(port.zero_point or 0)
    )
    limits = np.iinfo(wanted)
    return np.clip(np.rint(steps), limits.min, limits.max).astype(wanted)


def standardised(part: Part, preprocessing: Preprocessing) -> Preprocessing:
    """The same preprocessing of sound, with mean and standard deviation of each feature over these samples.

    Args:
        part: what a net is trained on.
        preprocessing: with ``features``; what it has of mean and std is replaced.

    Raises:
        UsageError: the features make no sense or do not fit the samples.
    """
    bare = replace(preprocessing, mean=(), std=())
    features, found = sound.read_features(bare.features)
    found += _of_sound(part, features) if features else []
    if features is None or found:
        raise UsageError(f"the input spec does not fit: {'; '.join(found)}")
    values = (
        sound.extract(list(part.samples), features, bare.scale)
        .reshape(-1, features.shape[1])
        .astype(np.float64)
    )
    mean, std = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    return replace(bare, mean=_rounded(mean), std=_rounded(std))


def _rounded(numbers: Array) -> tuple[float, ...]:
    """Six digits: enough for every feature, and short in a spec."""
    return tuple(float(f"{each:.6g}") for each in numbers)


def problems(part: Part, preprocessing: Preprocessing, port: Port) -> list[str]:
    """All that keeps these samples from becoming this input, in words; empty where nothing does."""
    found = []
    if not port.shape or any(each is None for each in port.shape[1:]):
        found.append(f"shape {_shown(port)} is open beyond its first axis")
    letters = port.layout.upper()
    if letters and (letters[0] != "N" or not set(letters[1:]) <= set(_AXES)):
        found.append(f"layout {port.layout!r} is no N followed by H or T, W or F, and C")
    if found:
        return found
    if preprocessing.kind is InputKind.IMAGE:
        return _of_pictures(part, preprocessing, port)
    if preprocessing.kind is InputKind.AUDIO:
        features, found = sound.read_features(preprocessing.features)
        if features is None:
            return found
        return _of_sound(part, features) + _of_features(features, preprocessing, port)
    return _of_numbers(part, port)


def _of_pictures(part: Part, preprocessing: Preprocessing, port: Port) -> list[str]:
    if part.rate_hz is not None:
        return ["the spec wants pictures, the samples are sound"]
    if preprocessing.channel_order is ChannelOrder.NONE:
        return ["channel_order is empty, but RGB, BGR or GRAY is wanted for pictures"]
    channels = pictures.CHANNELS[preprocessing.channel_order]
    found = [
        f"{name} has {len(numbers)} numbers, the picture has {channels} channels"
        for name, numbers in (("mean", preprocessing.mean), ("std", preprocessing.std))
        if len(numbers) not in {0, 1, channels}
    ]
    if _axes(port):
        return found + _of_axes(part, preprocessing, port)
    if preprocessing.resize is not Resize.NONE:
        return [*found, "without a layout nobody knows the height and width to resize to"]
    height, width = part.samples[0].shape[:2] if len(part) else (1, math.prod(_lengths(port)) // channels)
    if height * width * channels != math.prod(_lengths(port)) or _odd(part, (height, width)):
        found.append(f"shape {_shown(port)} has not as many elements as {height}x{width}x{channels}")
    return found


def _of_axes(part: Part, preprocessing: Preprocessing, port: Port) -> list[str]:
    """What is wrong with the axes that a layout names, for pictures."""
    axes, order = _axes(port), preprocessing.channel_order
    found, channels = [], pictures.CHANNELS[order]
    if axes.get("C", 1) != channels:
        found.append(
            f"shape {_shown(port)} with layout {port.layout} has {axes.get('C', 1)} channels, {order} has {channels}"
        )
    if not {"H", "W"} <= axes.keys():
        found.append(f"layout {port.layout!r} has no height and width")
    elif preprocessing.resize is Resize.NONE and (odd := _odd(part, (axes["H"], axes["W"]))):
        found.append(
            f"a picture has {odd} pixels, {axes['H']}x{axes['W']} are wanted, and the spec names no resize"
        )
    return found


def _odd(part: Part, size: tuple[int, int]) -> str:
    """Height and width of a picture of another size; empty where there is none."""
    if pictures.same_size(part.samples, size):
        return ""
    return next((f"{each.shape[0]}x{each.shape[1]}" for each in part.samples if each.shape[:2] != size), "")


def _of_sound(part: Part, features: sound.Features) -> list[str]:
    if part.rate_hz is None:
        return ["the spec wants sound, the samples are pictures"]
    if part.rate_hz != features.sample_rate_hz:
        return [f"features.sample_rate_hz is {features.sample_rate_hz}, the samples have {part.rate_hz} Hz"]
    return []


def _of_features(features: sound.Features, preprocessing: Preprocessing, port: Port) -> list[str]:
    found = []
    for name, numbers in (("mean", preprocessing.mean), ("std", preprocessing.std)):
        if len(numbers) not in {0, 1, features.shape[1]}:
            found.append(f"{name} has {len(numbers)} numbers, a frame has {features.shape[1]}")
    down, across = features.shape
    axes = _axes(port)
    fits = (
        (axes.get("H", 1), axes.get("W", 1), axes.get("C", 1)) == (down, across, 1)
        if {"H", "W"} <= axes.keys()
        else [each for each in _lengths(port) if each != 1] == [each for each in features.shape if each != 1]
    )
    if not fits:
        found.append(f"shape {_shown(port)} does not hold {down} frames of {across} features")
    return found


def _of_numbers(part: Part, port: Port) -> list[str]:
    wanted = math.prod(_lengths(port))
    sizes = {each.size for each in part.samples} - {wanted}
    return [f"a sample has {min(sizes)} elements, shape {_shown(port)} has {wanted}"] if sizes else []


def _shown(port: Port) -> str:
    return "x".join("?" if each is None else str(each) for each in port.shape)


def _lengths(port: Port) -> tuple[int, ...]:
    """Of all axes but the first."""
    return tuple(each or 0 for each in port.shape[1:])


def _axes(port: Port) -> dict[str, int]:
    """Lengths by H, W and C; empty where the layout names none."""
    letters = port.layout.upper()[1:]
    return (
        {_AXES[letter]: length for letter, length in zip(letters, _lengths(port), strict=True)}
        if letters
        else {}
    )


def _values(samples: Sequence[Array] | Array, preprocessing: Preprocessing, port: Port) -> Array:
    if preprocessing.kind is InputKind.IMAGE:
        return _arranged(_pictures(samples, preprocessing, port), port)
    if preprocessing.kind is InputKind.AUDIO:
        features, _ = sound.read_features(preprocessing.features)
        assert features is not None  # noqa: S101 - for the type checker; `problems` looked
        values = sound.extract(list(samples), features, preprocessing.scale)
        return _arranged(
            pictures.normalized(values, 1.0, preprocessing.mean, preprocessing.std)[..., None], port
        )
    return np.stack([np.asarray(each, np.float32).reshape(_lengths(port)) for each in samples])


def _pictures(samples: Sequence[Array] | Array, preprocessing: Preprocessing, port: Port) -> Array:
    """Values with the axes N, H, W, C."""
    order, how = preprocessing.channel_order, preprocessing.resize
    numbers = preprocessing.scale, preprocessing.mean, preprocessing.std
    axes = _axes(port)
    size = axes.get("H", 0), axes.get("W", 0)
    whole = how is not Resize.CENTER_CROP or preprocessing.crop == 1
    if not axes or (pictures.same_size(samples, size) and whole):
        return pictures.normalized(pictures.recolour(np.asarray(samples), order), *numbers)
    rows = []
    for sample in samples:
        pixels = pictures.resize(sample, size, how, preprocessing.crop) if how is not Resize.NONE else sample
        rows.append(pictures.bars(pictures.normalized(pictures.recolour(pixels, order), *numbers), size))
    return np.stack(rows)


def _arranged(values: Array, port: Port) -> Array:
    """Axes N, H, W, C in the order of the port; those of length 1 that its layout leaves out are dropped."""
    letters = [_AXES[each] for each in port.layout.upper()[1:]]
    if not {"H", "W"} <= set(letters):
        return values.reshape(len(values), *_lengths(port))
    order = [1 + "HWC".index(letter) for letter in letters]
    rest = [axis for axis in (1, 2, 3) if axis not in order]
    return values.transpose(0, *order, *rest).reshape(len(values), *_lengths(port))
