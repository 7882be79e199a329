"""The deep-compression file: a net whose weights are pruned, shared or on a grid, in as few bytes as they need.

Han, Mao and Dally 2015 (arXiv:1510.00149) store positions as gaps of fixed width, codebook indices, and Huffman codes
of both. This file stores the same facts with an adaptive range coder, which pays fractions of a bit, learns frequencies
while it goes, and so needs no tables:

* `scan`: where weights are not zero, and which value each has, column by column; what lies left and above is known.
* `dictionaries`: what an index stands for: a codebook, integers of a grid with its scales, or plain numbers.
* `tensors`: one tensor, in whichever of these forms is the shortest. Biases and norms are float16 where that is exact.
* `fields`: bytes with bounds. `files`: the whole, with checksums: `encode`, `decode` (numpy alone) and `account`.
* `packing`: from a `compress.net.Net` and back: `pack`, `unpack`.
* `stages`: what Han's own accounting gives for pruning, sharing and coding.

Every tensor comes back bit for bit, but for the sign of zeros: a zero is +0. The size of a file is its length; nothing
that is needed to read it lies elsewhere. A reader allocates at most `fields.ELEMENTS_PER_BYTE` numbers a byte of file.
"""
