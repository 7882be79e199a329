"""A net's name says what was done to it, and nothing is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.recipes import steps
from compress.recipes.kinds import KINDS, kind_of, plain
from compress.recipes.names import decode, name
from compress.recipes.steps import Training
from tests.unit.compress.recipes.plans import STEPS
from zoo.errors import UsageError

ARCHITECTURES = st.sampled_from(("ds-cnn-64", "lenet-5", "mobilenet-v2-0.35-96", "resnet-8-32-grey"))


@given(ARCHITECTURES, st.lists(STEPS, max_size=6), st.booleans(), st.sampled_from(("", "bn", "wide-2")))
def test_a_name_gives_back_what_it_was_made_of(architecture, taken, pretrained, label):
    made = name(architecture, taken, pretrained=pretrained, label=label)
    read = decode(made)
    assert read.name == made
    assert (read.architecture, read.pretrained, read.label) == (architecture, pretrained, label)
    assert list(read.words()) == [kind_of(each).word for each in taken]
    assert len(read.sentences()) == len(taken) + pretrained + bool(label)


@given(STEPS, STEPS)
def test_steps_of_different_kinds_never_share_a_code(one, other):
    codes = [kind_of(each).code.write(each) for each in (one, other)]
    assert (codes[0] != codes[1]) or kind_of(one) is kind_of(other)


@given(STEPS)
def test_every_code_is_of_one_kind_only(step):
    code = kind_of(step).code.write(step)
    assert [each.word for each in KINDS.values() if each.code.pattern.fullmatch(code)] == [kind_of(step).word]


@given(STEPS)
def test_the_numbers_of_a_step_are_in_its_sentence(step):
    (sentence,) = decode(name("lenet-5", [step])).sentences()
    numbers = {
        steps.Train: lambda: [step.training.epochs],
        steps.Distil: lambda: [step.training.epochs],
        steps.PruneWeights: lambda: [plain(100 * step.share, 2)],
        steps.Rewind: lambda: [plain(100 * step.share, 2)],
        steps.PruneFilters: lambda: [plain(100 * (step.share or step.macs_share), 2)],
        steps.PruneLayers: lambda: [step.removed],
        steps.Qat: lambda: [step.weight_bits],
        steps.Share: lambda: [step.bits],
        steps.Mixed: lambda: [plain(step.size_bytes / 1000, 3)],
        steps.Scratch: lambda: [step.training.epochs],
    }[type(step)]()
    assert all(str(each) in sentence for each in numbers)


def test_a_known_name_in_words():
    assert str(decode("ds-cnn-64_t40_f50_t10_q8a8")) == (
        "ds-cnn-64: trained for 40 epochs, 50 % of its filters removed by the sum of absolute weights, "
        "trained for 10 epochs, trained for 8-bit weights and 8-bit activations"
    )


def test_the_codes_of_the_plan_are_what_steps_write():
    training = Training(epochs=40)
    taken = [
        steps.Distil(training), steps.PruneWeights(0.917), steps.PruneFilters(0.5, "bn"), steps.PruneLayers(3),
        steps.Qat(4, "none"), steps.Share(5), steps.Mixed(20_480),
    ]  # fmt: skip
    assert name("efficientnet-lite0-160", taken, pretrained=True) == (
        "efficientnet-lite0-160_pt_kd40_w91.7_fb50_d3_q4af_k5_m20.48"
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("ds-cn-64_t4", ("unknown architecture 'ds-cn-64'", "Did you mean")),
        ("lenet-5_t4_zz", ("'zz' is no code",)),
        ("lenet-5_t4.5", ("'t4.5' is no code",)),
        ("lenet-5_t٤", ("is no code",)),
        ("lenet-5__t4", ("'' is no code",)),
        ("lenet-5_zz_yy", ("'zz' is no code", "'yy' is no code")),
        ("", ("unknown architecture ''",)),
    ],
)
def test_what_is_no_name_is_refused_with_all_that_is_wrong(wrong, said):
    with pytest.raises(UsageError) as problem:
        decode(wrong)
    assert all(each in str(problem.value) for each in said)
