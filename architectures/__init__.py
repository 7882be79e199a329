"""Nets of this project, in torch: the seeds of the compression continuum.

* `catalogue`: names that decode (``mobilenet-v2-0.35-96``) and what is known of each family before torch is imported:
  ``parse(name)``, ``build(name)``, ``example(name)``, ``known()``.
* `nets`: one module a family; `nets.blocks` has what they share.
* `costs`: parameters and multiply-accumulates, tested against the published ones.
* `folding`: batch norms folded into the layers before them, once, before anything is converted.
* `pretrained`: weights that installed packages carry.

Every net gives logits, has fixed shapes, and calls its last layer ``classifier``. Convolutions pad as TensorFlow's SAME
does, but for ResNets: an even padding of a strided convolution costs an operator of its own in TFLite, this one none.

    import torch
    from architectures.catalogue import build, example

    torch.manual_seed(0)
    net = build("mobilenet-v2-0.35-96", classes=2)
    logits = net.eval()(example("mobilenet-v2-0.35-96"))
"""
