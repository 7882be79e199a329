"""How samples of a data set become inputs: the same numbers in training, in evaluation and in an app.

A recipe's ``[input]`` table says it once. Training data is prepared once a sweep and kept as plain arrays: pictures as
bytes of the size they are stored in, sound as features of the clips and of seeded variations of them.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from compress.recipes.recipe import InputPlan
from datasets.augmenting import PICTURE_CHANCES, PictureChanges, SoundChanges, vary_clips, vary_pictures
from datasets.preparing import prepare, standardised
from datasets.values import Part
from registry.spec import ChannelOrder, InputKind, Port, Preprocessing, Resize

if TYPE_CHECKING:
    import torch

    from compress.samples import Samples

_GREY_CHANNELS = 1
_SEED_STEPS = 2**31


def is_audio(plan: InputPlan) -> bool:
    """Whether samples are clips of sound."""
    return plan.kind == InputKind.AUDIO


def preprocessing_of(plan: InputPlan) -> Preprocessing:
    """What a file's spec says of its input; of sound without mean and deviation, see `fitted_to`."""
    if is_audio(plan):
        return Preprocessing(InputKind.AUDIO, scale=plan.scale, features=dict(plan.features))
    order = ChannelOrder(plan.channels)
    return Preprocessing(InputKind.IMAGE, order, plan.scale, plan.mean, plan.std, Resize(plan.resize))


def fitted_to(plan: InputPlan, part: Part) -> Preprocessing:
    """The preprocessing for nets that are trained on ``part``: features of sound lose its mean and deviation."""
    return standardised(part, preprocessing_of(plan)) if is_audio(plan) else preprocessing_of(plan)


_Changes = TypeVar("_Changes", SoundChanges, PictureChanges)


def changes_of(plan: InputPlan, kind: type[_Changes]) -> _Changes:
    """How samples are varied.

    Raises:
        TypeError: the plan names a change that this kind of samples does not have.
        ValueError: a number makes no sense.
    """
    told: dict[str, Any] = {
        key: tuple(each) if isinstance(each, list) else each for key, each in plan.changes.items()
    }
    return kind(**told)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Training data of a sweep.

    Attributes:
        values: pictures, uint8, (N, C, H, W); or features, float32, (copies + 1, N, T, F), the clips themselves first.
        labels: int64, (N,).
        groups: of each sample, or empty.
    """

    values: NDArray[Any]
    labels: NDArray[np.int64]
    groups: tuple[str, ...]

    def to_files(self) -> dict[str, bytes]:
        """Its files, for a stage."""
        return {
            "values.npy": saved(self.values),
            "labels.npy": saved(self.labels),
            "groups.json": json.dumps(self.groups).encode(),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Prepared":
        """What `to_files` wrote."""
        return cls(
            np.load(io.BytesIO(files["values.npy"]), allow_pickle=False),
            np.load(io.BytesIO(files["labels.npy"]), allow_pickle=False),
            tuple(json.loads(files["groups.json"])),
        )

    def rows(self, without: str | None) -> NDArray[np.int64]:
        """Places of the samples that are not of the group ``without``."""
        return np.array(
            [place for place in range(len(self.labels)) if not self._is(place, without)], np.int64
        )

    def _is(self, place: int, group: str | None) -> bool:
        return group is not None and self.groups[place] == group


def prepared(plan: InputPlan, part: Part, seed: int) -> Prepared:
    """Prepare training data.

    Args:
        plan: what the recipe says.
        part: raw samples.
        seed: of the variations.
    """
    bare = replace(preprocessing_of(plan), mean=(), std=())
    if is_audio(plan):
        port = _audio_port(bare)
        changes, random = changes_of(plan, SoundChanges), np.random.default_rng(seed)
        assert part.rate_hz is not None  # noqa: S101 - sound has a rate
        made = [prepare(part, bare, port)]
        for _ in range(plan.copies):
            varied = vary_clips(list(part.samples), part.rate_hz, changes, random)
            made.append(prepare(replace(part, samples=varied), bare, port))
        return Prepared(np.stack(made), part.labels, part.groups)
    pixels = replace(bare, scale=1.0)
    height, width = (plan.size, plan.size) if plan.size else part.samples[0].shape[:2]
    port = Port("", (None, _channels(plan), height, width), "float32", "NCHW")
    values = np.clip(np.rint(prepare(part, pixels, port)), 0, 255).astype(np.uint8)
    return Prepared(values, part.labels, part.groups)


def training_samples(
    plan: InputPlan, data: Prepared, shape: tuple[int, ...], *, without: str | None, augment: bool
) -> "Samples":
    """Samples for the training loop.

    Args:
        plan: what the recipe says.
        data: what `prepared` made.
        shape: of one input of the net.
        without: group that is left out.
        augment: whether samples are varied.
    """
    import torch

    from compress.samples import Samples

    rows = data.rows(without)
    labels = torch.from_numpy(data.labels[rows])
    if is_audio(plan):
        values = data.values[:, rows]
        mean, std = _statistics(values[0])
        if not augment:
            values = values[:1]
        values = ((values - mean) / std).astype(np.float32).reshape(-1, *shape)
        return Samples(torch.from_numpy(values), labels.repeat(len(values) // len(rows)), shape)
    changes = changes_of(plan, PictureChanges)
    varied = _Varied(changes, plan.copies * len(rows)) if augment and changes != PictureChanges() else None
    return Samples(
        torch.from_numpy(data.values[rows]), labels, shape, plan.scale, plan.mean, plan.std, varied,
        views=(plan.copies or 1) if varied else 1,
    )  # fmt: skip


class _Varied:
    """Varies pictures of a training batch: each view in one way, or anew every time where there are no views."""

    def __init__(self, changes: PictureChanges, views: int) -> None:
        self._changes = changes
        self._chances = np.random.default_rng(0).random((views, PICTURE_CHANCES)) if views else None

    def __call__(
        self, stored: "torch.Tensor", places: "torch.Tensor", generator: "torch.Generator"
    ) -> "torch.Tensor":
        import torch

        batch = stored.permute(0, 2, 3, 1).numpy()
        if self._chances is not None:
            chances = self._chances[places.numpy()]
        else:
            seed = int(torch.randint(_SEED_STEPS, (), generator=generator))
            chances = np.random.default_rng(seed).random((len(batch), PICTURE_CHANCES))
        return torch.from_numpy(vary_pictures(batch, self._changes, chances)).permute(0, 3, 1, 2)


def _statistics(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean and deviation of each feature over samples and time, as `datasets.preparing.standardised` takes them."""
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    rounded = [
        [float(f"{each:.6g}") for each in row] for row in (flat.mean(0), np.maximum(flat.std(0), 1e-6))
    ]
    return np.array(rounded[0], np.float32), np.array(rounded[1], np.float32)


def _audio_port(bare: Preprocessing) -> Port:
    from datasets.sound import read_features

    features, _ = read_features(bare.features)
    assert features is not None  # noqa: S101 - the recipe was checked
    return Port("", (None, *features.shape), "float32", "NTF")


def _channels(plan: InputPlan) -> int:
    return _GREY_CHANNELS if plan.channels == ChannelOrder.GRAY else 3


def saved(values: NDArray[Any]) -> bytes:
    """The bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()
