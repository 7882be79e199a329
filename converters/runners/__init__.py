"""Runners: what runs a file on this machine, one leaf a runtime, imported only when asked for: see `base.RUNNERS`."""
