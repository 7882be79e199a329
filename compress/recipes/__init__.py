"""Recipes: what a net is to become, as data.

* `domains`: which values an option takes. `options`: what an option is, and how a table becomes a value.
* `steps`: one frozen value a kind of step. `kinds`: the one table of them, which reading, names and the manual use.
* `orders`: which step makes sense after which. `files`: which precisions a net can be written in.
* `space`: the nets that a search may propose. `writing`: a recipe as TOML again.
* `recipe`: a whole recipe as values. `reading`: TOML to a recipe, or all its problems at once.
* `names`: a net's name says what was done to it. `planning`: a recipe as stages of a sweep. `manual`: docs/recipes.md.

    >>> from compress.recipes.names import decode
    >>> str(decode("resnet-8_t20_q4af"))
    'resnet-8: trained for 20 epochs, trained for 4-bit weights and float activations'

No framework is imported here.
"""
