"""What a model file really is, read from its bytes and never from its name.

`report` has the values, `inspect` the one function, `workers` the sandbox: hostile bytes are only ever parsed in a
forked process with limits. One folder a format reads bytes into a `Graph`; `costs` and `coverage` work on graphs.
"""
