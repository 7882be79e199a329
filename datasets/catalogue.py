"""Which data sets are known, and all that is known of each before anything of it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from zoo.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Download:
    """A file with an official address.

    Attributes:
        name: of the file.
        url: where it is published.
        sha256: of exactly these bytes.
        size_bytes: how many there are.
    """

    name: str
    url: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Known:
    """A data set.

    Attributes:
        name: what users call it.
        title: for headings.
        classes: names by label.
        licence: SPDX identifier.
        origin: who made it, where it is published.
        folder: its own folder inside ``ZOO_DATA``.
        needs: alternatives; the set is there where every file or folder of one alternative is.
        splits: what it is divided into.
        loader: ``module:function`` that reads it, see `datasets.loading.Loader`.
        digests: SHA-256 by what it is of; the loader says how it is taken.
        debian_path: where a Debian package puts it; empty where there is none.
        debian_package: that package.
        downloads: official files; empty where no address gives bytes that stay the same.
        advice: how to get it by hand.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    licence: str
    origin: str
    folder: str
    needs: tuple[tuple[str, ...], ...]
    splits: tuple[str, ...]
    loader: str
    digests: Mapping[str, str] = field(default_factory=dict)
    debian_path: str = ""
    debian_package: str = ""
    downloads: tuple[Download, ...] = ()
    advice: str = ""


_ZALANDO = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

FASHION_MNIST = Known(
    name="fashion-mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    licence="MIT",
    origin="Xiao, Rasul, Vollgraf (Zalando Research), arXiv 1708.07747, https://github.com/zalandoresearch/fashion-mnist",
    folder="fashion-mnist",
    needs=(
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
         "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
    ),
    splits=("train", "test"),
    loader="datasets.fashion_mnist:load",
    # Of the unpacked bytes: Debian packs them again, so its .gz files differ from the published ones.
    digests=MappingProxyType({
        "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }),
    debian_path="/usr/share/datasets/fashion-mnist",
    debian_package="dataset-fashion-mnist",
    # Of bytes that have the MD5 sums in the README of zalandoresearch/fashion-mnist.
    downloads=tuple(
        Download(f"{name}-ubyte.gz", f"{_ZALANDO}{name}-ubyte.gz", sha256, size_bytes)
        for name, sha256, size_bytes in (
            ("train-images-idx3", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
            ("train-labels-idx1", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
            ("t10k-images-idx3", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
            ("t10k-labels-idx1", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
        )
    ),
)  # fmt: skip

SPOKEN_DIGITS = Known(
    name="spoken-digits",
    title="Free Spoken Digit Dataset",
    classes=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    licence="CC-BY-SA-4.0",
    origin="Jakobovski and the six speakers, https://github.com/Jakobovski/free-spoken-digit-dataset. It has no file "
    "with a published checksum (archives that GitHub makes may change), so it is not downloaded",
    folder="fsdd",
    needs=(("recordings.tar.xz",), ("recordings",)),
    splits=("all", "train", "test"),
    loader="datasets.spoken_digits:load",
    digests=MappingProxyType(
        {"recordings": "99aa5e3a7c822ab55b2a3b47e0b05aeb9f011c54837a12e3831ad24108330829"}
    ),
    advice="clone its repository as FOLDER/fsdd (its recordings/ is read)",
)

SYNTHETIC_DIGITS = Known(
    name="synthetic-digits",
    title="Spoken digits of synthetic voices",
    classes=SPOKEN_DIGITS.classes,
    licence="CC0-1.0",
    origin="made on your machine by espeak-ng, https://github.com/espeak-ng/espeak-ng; see datasets/synthesis.py",
    folder="synthetic-digits",
    needs=(("recordings",),),
    splits=("all",),
    loader="datasets.spoken_digits:load",
    advice="make voices, which makes it (espeak-ng says the digits)",
)

CLOTHING = Known(
    name="clothing",
    title="Clothing photos (small, at most 224 pixels)",
    classes=("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt"),
    licence="CC0-1.0",
    origin="Grigorev, https://github.com/alexeygrigorev/clothing-dataset-small, photos shrunk to at most 224 pixels. "
    "The shrunk photos are published nowhere, so they are not downloaded",
    folder="clothing",
    needs=(("train", "validation"),),
    splits=("train", "validation", "test"),
    loader="datasets.clothing:load",
    digests=MappingProxyType({
        "train listing": "039045efae19d627b23f83512c16ba3a6c12f02659640e90ca181418177d54ca",
        "train": "d732c4c01858983b3c009328c210507eb7768d829757714a9d29bddaf3de3aaa",
        "validation listing": "ac92caf3ddba56d482678a4e86059d3ce178e5a269b6d4b7cd16c6e36a946072",
        "validation": "03975dbefceecabee9fe5c6564f7deb713be8629b4100d198b3fd7fcfbc53b08",
    }),
)  # fmt: skip

KNOWN: Mapping[str, Known] = MappingProxyType(
    {each.name: each for each in (FASHION_MNIST, SPOKEN_DIGITS, SYNTHETIC_DIGITS, CLOTHING)}
)
"""Every known set, by name."""


def known(name: str) -> Known:
    """The set of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in KNOWN:
        raise UnknownNameError("data set", name, tuple(KNOWN), advice=f"Known: {', '.join(KNOWN)}")
    return KNOWN[name]
