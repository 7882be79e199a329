"""What devices are and can do, as data; knows nothing of models or measurements.

* `device_profiles.profile`: the values: `DeviceProfile`, its `Soc`, the ways to run a model on it.
* `device_profiles.profiles`: the data, TOML by maker and kind, each fact cited or common knowledge.
* `device_profiles.loading`: TOML to values, with every problem of every file at once.
* `device_profiles.matching`: from a name or facts to a device: id, alias, SoC, nearest.
"""
