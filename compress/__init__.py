"""One net becomes many: smaller, sparser, in fewer bits.

* `net`: a net between two steps, and its bytes. `samples`: what it learns from. `training`: the one loop.
* `layers`: which layers of a net are made smaller. `distillation`: objectives with a teacher.
* `weight_pruning`, `filter_pruning`, `layer_pruning`: weights, filters and whole blocks taken out; `shares` says how
  much of which layer.
* `quantization`, `mixed`, `sharing`: fewer bits, trained; the converters carry the result without loss.
* `container`: the deep-compression file, and its decoder.
* `recipes`: what is to be made, as data. `sweep`: makes it, on one machine or many, and goes on where it stopped.
  `search`: which nets are worth making within a budget.

Nothing here knows data sets or file formats: `zoo.continuum` puts the parts together.
"""
