"""Data sets that nets are trained and scored on: found on this machine or fetched, checked, never committed.

* `catalogue`: which sets are known, with licence, origin and checksums, before anything is imported or read.
* `finding`: where a set lies on this machine. `fetching`: downloads one that has an official address.
* `loading`: `load` gives a `values.Dataset` of raw samples by split. `fashion_mnist`, `spoken_digits`, `clothing` read
  one set each; `class_folders` reads anybody's photos or clips, one folder a class.
* `preparing`: makes a net's input out of raw samples as its spec says; training and scoring both go through it.
  `pictures` and `sound` do the work.
* `augmenting`: seeded variations of sound and pictures for training.

    >>> from datasets.loading import load                              # doctest: +SKIP
    >>> test = load("fashion-mnist").part("test")                      # doctest: +SKIP
    >>> inputs = prepare(test, spec.preprocessing, spec.inputs[0])     # doctest: +SKIP
"""
