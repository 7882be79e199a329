"""Measuring: how long a model file takes on a device, and how sure that is.

* `bench.latency`: from single times to a median with its confidence interval, p90 and spread.
* `bench.timing`: warms up, repeats until the interval is narrow enough or time is up; and the sustained mode.
* `bench.operators`: which operators of a file take the time, read from what runtimes print.
* `bench.environment`: what else a latency depends on: the machine, its clocks, its load, versions.
* `bench.probing`: a device's profile from what its system says of itself.
* `bench.runners`: one leaf a runtime, lazy; `bench.runners.base.RUNNERS` lists them with what each of them lacks.
"""
