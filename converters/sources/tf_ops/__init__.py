"""The operators of a frozen TensorFlow graph, as torch can say them; `table.COVERED` has all of them by name.

Images are (N, H, W, C) here: what torch does on (N, C, H, W) is given a permuted value and gives one, and
`converters.sources.lowering.builder.Lowering` cancels the permutations between.
"""
