"""The shipped tables, read once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from device_profiles.loading import load_profiles
from device_profiles.profile import DeviceProfile
from registry.catalogue import Catalogue, read_catalogue
from registry.catalogue.reading import read_tables
from registry.choice import Shelf
from registry.values import Evidence


@pytest.fixture(scope="session")
def devices() -> dict[str, DeviceProfile]:
    """Every shipped profile by id."""
    return {each.id: each for each in load_profiles()}


@pytest.fixture(scope="session")
def shipped(devices: dict[str, DeviceProfile]) -> Catalogue:
    """Everything that the shipped tables say."""
    return read_catalogue(read_tables(), devices)


@pytest.fixture(scope="session")
def shelf_of(shipped: Catalogue, devices: dict[str, DeviceProfile]) -> Callable[[str, str], Shelf]:
    """What the shipped tables know of a model for a device, rows of its SoC's other devices included."""

    def build(model: str, device: str) -> Shelf:
        variants = {name: each for name, each in shipped.variants.items() if each.model == model}
        soc = devices[device].soc.id
        rows = [
            row if row.device == device else replace(row, evidence=Evidence.SAME_SOC)
            for row in shipped.measurements
            if row.variant in variants and devices[row.device].soc.id == soc
        ]
        return Shelf(shipped.models[model], variants, rows)

    return build
