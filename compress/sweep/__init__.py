"""Sweeps: many jobs that build on each other, on this machine or on many, resumable after whatever ends them.

* `stages`: a job and its digest; stages of equal digests are made once. `store`: what is finished, on disk.
* `work`: one job, wherever it runs. `local` and `cluster` start jobs: as processes here, or on Ray.
* `running`: starts what is ready, keeps what is finished, reports what failed. `progress`: how far, how long still.
* `sweeping`: all of it in one call.

A job is ``module:function``, called as ``function(spec, parents, report)`` in a fresh process: the stage's spec, the
files of each parent by role and name, and a function that takes lines for the log. It returns files by name. It must
take all that decides its result from its arguments; then a sweep gives the same bytes whatever runs it, in any order.
"""
