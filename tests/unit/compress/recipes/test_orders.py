"""A nonsense order is refused with the reason; what makes sense is not."""

import pytest

from compress.recipes.kinds import KINDS, WORDS
from tests.unit.compress.recipes.plans import of_steps, read
from zoo.errors import BadRecipeError

OPTIONS = {
    "prune-weights": ", share = 0.5", "rewind": ", share = 0.5", "prune-filters": ", share = 0.5",
    "prune-layers": ", count = 1", "mixed": ", size_bytes = 20000",
}  # fmt: skip
TEACHER = '[nets.teacher]\narchitecture = "resnet-8"\nsteps = [{ do = "train" }]\n'


def recipe(*words: str, net: str = 'architecture = "lenet-5"', **options: str) -> str:
    taught = f'{net}\nteacher = "teacher"' if "distil" in words else net
    taken = [f'do = "{each}"{options.get(each.replace("-", "_"), OPTIONS.get(each, ""))}' for each in words]
    return f"{of_steps(*taken, net=taught)}{TEACHER if 'distil' in words else ''}"


SENSIBLE = [
    "train", "distil", "train distil", "train prune-weights", "prune-weights", "rewind", "train rewind", "qat",
    "train prune-filters train", "train prune-filters distil qat", "train prune-layers train", "train qat",
    "train prune-weights share", "rewind share", "train mixed", "train prune-weights mixed", "distil qat",
    "train prune-filters train prune-weights share", "rewind train", "train share",
]  # fmt: skip
NONSENSE = [
    ("train qat share", "share after qat (nets.a.steps[1])", "off the grid that they were trained for"),
    ("train share qat", "qat after share (nets.a.steps[1])", "share few values no more"),
    ("train qat train", "train after qat", "moves the weights off the grid"),
    ("train share train", "train after share", "moves the weights off the grid or codebook"),
    ("train mixed train", "train after mixed", "moves the weights off the grid"),
    ("train qat distil", "distil after qat", "with soft"),
    ("train qat prune-filters", "prune-filters after qat", "cut first"),
    ("train share prune-filters", "prune-filters after share", "cut first"),
    ("train qat prune-weights", "prune-weights after qat", "prune before it"),
    ("train qat prune-layers", "prune-layers after qat", "cut first"),
    ("distil rewind", "rewind after distil", "all that the teacher taught is lost"),
    ("train prune-weights rewind", "rewind after prune-weights", "zeros already"),
    ("rewind rewind", "rewind after rewind", "zeros already"),
    ("train prune-filters rewind", "rewind after prune-filters", "another shape"),
    ("train qat rewind", "rewind after qat", "step before is lost"),
    ("train share share", "share after share", "share once"),
    ("train mixed mixed", "mixed after mixed", "rounded weights do not say"),
    ("train mixed qat", "qat after mixed", "choice by layer is lost"),
    ("train share mixed", "mixed after share", "share few values no more"),
    ("train qat mixed", "mixed after qat", "go on from floats"),
    ("train qat qat", "qat to 8 bits after qat to 8 bits", "fewer are wanted"),
    ("prune-filters train", "prune-filters of an untrained net", "random ones say nothing"),
    ("prune-layers train", "prune-layers of an untrained net", "name them as blocks"),
    ("share", "share of an untrained net", "random ones have no clusters"),
    ("mixed", "mixed of an untrained net", "a random net minds nothing"),
]  # fmt: skip


@pytest.mark.parametrize("words", SENSIBLE)
def test_an_order_that_makes_sense_is_taken(words):
    read(recipe(*words.split()))


@pytest.mark.parametrize(("words", "what", "why"), NONSENSE)
def test_nonsense_is_refused_with_the_reason(words, what, why):
    with pytest.raises(BadRecipeError) as found:
        read(recipe(*words.split()))
    assert any(what in each and why in each for each in found.value.problems), found.value.problems


def test_every_rule_of_the_table_has_a_breaking_case():
    tried = {what.split(" (")[0] for _, what, _ in NONSENSE}
    for word in WORDS:
        for rule in KINDS[word].never:
            assert any(f"{word} after {other}" in tried for other in rule.after), (word, rule)
        if KINDS[word].needs_training:
            assert f"{word} of an untrained net" in tried


def test_the_order_counts_across_nets_that_go_on_from_each_other():
    text = f"{recipe('train', 'share')}[nets.b]\nfrom = 'a'\nsteps = [{{ do = 'qat' }}]\n"
    with pytest.raises(BadRecipeError, match=r"nets.b.steps\[0\]: qat after share \(nets.a.steps\[1\]\)"):
        read(text)


def test_a_base_that_makes_no_sense_is_said_once():
    text = f"{recipe('train', 'qat', 'train')}[nets.b]\nfrom = 'a'\nsteps = [{{ do = 'qat', weight_bits = 4 }}]\n"
    with pytest.raises(BadRecipeError) as found:
        read(text)
    assert len(found.value.problems) == 1


def test_fewer_bits_after_more_make_sense():
    read(of_steps('do = "train"', 'do = "qat", weight_bits = 8', 'do = "qat", weight_bits = 4'))


def test_a_pretrained_net_counts_as_trained_and_holds_no_lottery_tickets():
    pretrained = 'architecture = "efficientnet-lite0-96"\npretrained = true'
    assert read(recipe("prune-filters", "train", net=pretrained)).nets[0].pretrained
    with pytest.raises(BadRecipeError, match="rewind of a pretrained net"):
        read(recipe("rewind", net=pretrained))


def test_blocks_that_are_named_can_go_from_an_untrained_student():
    read(of_steps('do = "prune-layers", blocks = ["features.3"]', 'do = "train"'))


@pytest.mark.parametrize(("ours", "theirs", "fits"), [(2, 4, True), (3, 4, False), (4, 2, False)])
def test_layers_must_learn_evenly(ours, theirs, fits):
    student = f'architecture = "transformer-encoder-{ours}"\nteacher = "b"'
    text = of_steps('do = "distil", layers = true', net=student)
    text += f'[nets.b]\narchitecture = "transformer-encoder-{theirs}"\nsteps = [{{ do = "train" }}]\n'
    if fits:
        read(text)
    else:
        with pytest.raises(BadRecipeError, match="cannot learn evenly"):
            read(text)
