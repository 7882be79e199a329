"""The profiles: ``[soc.ID]``, ``[device.ID]`` and what software stacks can run, ``[[stack.NAME.supports]]``.

A fact named under ``cited`` has its citation there; every other fact is common knowledge.
"""
