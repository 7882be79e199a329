"""The application: its errors, its actions, and the faces that print them.

* `zoo.errors`: every error raised on purpose; imports nothing.
* `zoo.actions`: one function a verb of the user; takes and returns plain values.
* `zoo.views`: turns those values into tables and JSON documents.
* `zoo.plots`: turns them into pictures (needs the extra ``plot``).
* `zoo.cli`: the ``zoo`` command; parses, calls one action, prints.
"""
