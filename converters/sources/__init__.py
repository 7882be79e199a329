"""Sources: what can be converted, told apart by content.

`open_source` reads a name of an architecture, ``package.module:function``, or a file; `base.Source` is what comes out.
"""
