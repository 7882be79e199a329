"""Targets, one leaf module a format, imported only when asked for: see `base.TARGETS`."""
