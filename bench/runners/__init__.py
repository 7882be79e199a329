"""Runners: what measures a file, one leaf a runtime, imported only when asked for: see `base.RUNNERS`."""
