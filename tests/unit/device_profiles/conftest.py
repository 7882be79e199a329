"""The shipped profiles, read once."""

import pytest

from device_profiles.loading import load_profiles
from device_profiles.matching import DeviceName, names_of
from device_profiles.profile import DeviceProfile


@pytest.fixture(scope="session")
def profiles() -> list[DeviceProfile]:
    return load_profiles()


@pytest.fixture(scope="session")
def names(profiles) -> list[DeviceName]:
    return [name for profile in profiles for name in names_of(profile)]
