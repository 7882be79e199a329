"""The registry over HTTP: ``zoo serve``.

A question goes through `front`, which answers what was asked before from memory. What was not goes to `application`,
the routes (lists and picks in `answers`), or to `blobs`, the downloads (`files` hashes them, `ranges` reads which part
is wanted). `live` holds the snapshot of the registry that all answers are made of, and takes a new one when the
registry changes. `questions` reads queries, `replies` writes answers and refusals, `serving` runs the processes.
"""
