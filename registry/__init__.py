"""What exists, and what is chosen.

* `registry.values`: models, variants, accuracies, measurements.
* `registry.spec`, `registry.certificates`: what goes into a variant's file and what comes out; who vouches for it.
* `registry.catalogue`: the text tables that everything published is kept in, read and checked.
* `registry.continua`: what this project trained itself, as text; `registry.blobs`: the files that it holds.
* `registry.tables`, `registry.migrations`, `registry.store`: the database, written (SQLModel, Alembic).
* `registry.reader`: the database, read (plain ``sqlite3``, read-only).
* `registry.rules`, `registry.choice`: the rules and the choice; pure functions of values.
* `registry.portfolio`: what a whole model's variants are worth to a whole fleet.
* `registry.predictor`: the seam for numbers that nobody measured.
"""
