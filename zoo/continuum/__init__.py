"""From a recipe to a continuum: data, training, conversion, evaluation and results put together.

* `inputs`: samples of a data set as training wants them, and the spec that files get.
* `stages`: what one job of a sweep does: prepare data, take one step with a net, emit and score files.
* `steps`: a recipe's step as a call of a method. `files`: a net converted and scored; `specs`: the specs of its files.
* `results`: what the jobs gave, as variants of the registry with their evidence.
* `compressing`: the verb: plans a recipe, runs the sweep, writes the results.
* `searching`: the other verb: tries nets for a short while, and writes a recipe of those worth having.
* `latencies`: what nets cost on a device, and what stands in until that can be predicted.
"""
