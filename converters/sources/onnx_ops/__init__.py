"""The operators of ONNX, opsets 9 to 25, as torch can say them; `table.COVERED` has all of them by name.

Each takes a `converters.sources.lowering.builder.Lowering`, the node and its inputs (``None`` where one is left out).
Where opsets differ, it is mostly in what is an attribute and what an input: `settings` reads both.
"""
