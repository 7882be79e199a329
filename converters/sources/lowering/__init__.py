"""Graphs of other frameworks, rebuilt as torch modules: what trace, export and every target take.

* `builder` walks a graph once, on example values: what depends on no input is computed at once, all else becomes a
  node of a ``torch.fx`` graph. Permutations wait, slide through what acts on elements, and cancel.
* `spatial` has convolutions and pooling with any padding, `resizing` every way to resize, as torch can say them.
* `folding` folds what scales or shifts channels into the convolution before it.
* `proving` runs the rebuilt module and the original on seeded inputs, and accepts it only where they agree.

An operator is a function that takes a `builder.Lowering`, a `builder.Node` and the node's inputs, and gives
its outputs; the operators of ONNX are in `converters.sources.onnx_ops`, those of TensorFlow in
`converters.sources.tf_ops`.
"""
