"""A recipe becomes stages: what is common is made once, and every parent is what it should be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.recipes.kinds import read_step
from compress.recipes.planning import DATA, EMIT, LESSON, STEP, plan, without
from compress.sweep.stages import Stage, ordered
from tests.unit.compress.recipes.plans import EMIT as EMIT_TABLE
from tests.unit.compress.recipes.plans import SPOKEN_DIGITS, TOP, of_steps, read
from zoo.errors import UsageError

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


def of_kind(stages: tuple[Stage, ...], kind: str) -> list[Stage]:
    return [each for each in stages if each.kind == kind]


def test_the_plan_of_a_leave_one_group_out_recipe():
    stages = plan(read(SPOKEN_DIGITS), SPEAKERS)
    by_key = {each.key: each for each in stages}
    # large: 7 trainings; small: 7; thin: 7 cuts, 7 trainings, 7 controls
    assert len(of_kind(stages, STEP)) == 35
    assert len(of_kind(stages, DATA)) == 1
    large, small = of_kind(stages, EMIT)
    assert (large.spec["name"], small.spec["name"]) == ("ds-cnn-64_t40", "ds-cnn-16_kd40")
    assert set(small.parents) == {"data", "net", *map(without, SPEAKERS)}
    assert len(small.spec["files"]) == 9
    for speaker in SPEAKERS:
        fold = by_key[small.parents[without(speaker)]]
        assert fold.spec["without"] == speaker
        lesson = by_key[fold.parents["lesson"]]
        teacher = by_key[lesson.parents["net"]]
        # a teacher never heard that speaker either
        assert lesson.spec["without"] == teacher.spec["without"] == speaker
    assert by_key[small.parents["net"]].spec["without"] is None


def test_controls_train_the_shape_of_their_net_with_its_whole_budget():
    text = SPOKEN_DIGITS.replace('nets = ["large", "small"]', 'nets = ["thin"]')
    stages = plan(read(text), SPEAKERS)
    by_key = {each.key: each for each in stages}
    controls = [each for each in of_kind(stages, STEP) if each.spec["step"]["do"] == "scratch"]
    assert len(controls) == 7
    assert {each.spec["step"]["epochs"] for each in controls} == {50}
    shapes = [by_key[each.parents["net"]] for each in controls]
    assert {each.spec["step"]["do"] for each in shapes} == {"train"}
    assert {each.title.split(",")[0] for each in shapes} == {"ds-cnn-64_t40_f50_t10"}
    net, control = of_kind(stages, EMIT)
    assert (net.spec["control"], control.spec["control"]) == (False, True)
    assert control.spec["name"] == "ds-cnn-64_t40_f50_t10_sc50"
    assert set(control.parents.values()) - {stages[0].key} == {each.key for each in controls}


TAUGHT = """[nets.b]
architecture = "lenet-5"
teacher = "a"
steps = [{ do = "distil" STEP }]
"""


@pytest.mark.parametrize(
    ("inputs", "step", "role"),
    [
        ("", "", "lesson"),
        ("copies = 4\nchanges = { mirror = true }", "", "lesson"),
        ("changes = { mirror = true }", "", "teacher"),
        ("changes = { mirror = true }", ", augment = false", "lesson"),
        ("", ", hints = true", "teacher"),
    ],
)
def test_a_teacher_is_asked_once_where_samples_stay_the_same(inputs, step, role):
    text = (
        of_steps('do = "train"', emit="")
        + TAUGHT.replace(" STEP", step)
        + f"[input]\n{inputs}\n"
        + EMIT_TABLE
    )
    by_key = {each.key: each for each in plan(read(text))}
    (taught,) = [
        each for each in of_kind(tuple(by_key.values()), STEP) if each.spec["step"]["do"] == "distil"
    ]
    assert set(taught.parents) == {"data", role}
    assert by_key[taught.parents[role]].kind == (LESSON if role == "lesson" else STEP)


def test_two_students_share_a_lesson():
    student = TAUGHT.replace(" STEP", "")
    other = student.replace("nets.b", "nets.c").replace("lenet-5", "resnet-8")
    stages = plan(read(of_steps('do = "train"', emit="") + student + other + EMIT_TABLE))
    assert len(of_kind(stages, LESSON)) == 1


def test_more_data_is_named_where_samples_are_read():
    plain, more = (plan(read(top + of_steps('do = "train"'))) for top in ("", 'extra = ["e"]\n'))
    assert [each.spec["extra"] for each in of_kind(more, DATA) + of_kind(more, EMIT)] == [["e"], ["e"]]
    assert not {each.key for each in plain} & {each.key for each in more}


def two(first: str, second: str) -> str:
    nets = [
        f'[nets.{key}]\narchitecture = "lenet-5"\nsteps = [{steps}]\n'
        for key, steps in (("a", first), ("b", second))
    ]
    return TOP + "".join(nets) + EMIT_TABLE


def test_nets_that_begin_the_same_share_their_beginning():
    train, other = '{ do = "train", epochs = 3 }', '{ do = "train", epochs = 4 }'
    cut, finer = '{ do = "qat" }', '{ do = "prune-weights", share = 0.5 }'
    assert len(of_kind(plan(read(two(f"{train}, {cut}", f"{train}, {finer}"))), STEP)) == 3
    assert len(of_kind(plan(read(two(f"{train}, {cut}", f"{other}, {finer}"))), STEP)) == 4


def test_what_a_net_is_called_in_the_recipe_does_not_matter():
    text = two('{ do = "train" }', '{ do = "train", epochs = 3 }')
    renamed = text.replace("nets.a", "nets.other")
    assert {each.key for each in plan(read(text))} == {each.key for each in plan(read(renamed))}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('dataset = "d"', 'dataset = "e"'), ("epochs = 3", "epochs = 4"), ("lenet-5", "lenet-300-100"),
        ("seeds = [0]", "seeds = [1]"), ("mean = [0.5]", "mean = [0.4]"),
    ],
)  # fmt: skip
def test_whatever_decides_a_result_changes_its_key(before, after):
    text = f"seeds = [0]\n{TOP}"
    text += (
        '[input]\nmean = [0.5]\n[nets.a]\narchitecture = "lenet-5"\nsteps = [{ do = "train", epochs = 3 }]\n'
    )
    text += EMIT_TABLE
    one, other = (
        {each.key for each in of_kind(plan(read(each)), STEP)} for each in (text, text.replace(before, after))
    )
    assert before in text
    assert not one & other


def test_every_seed_is_a_chain_of_its_own():
    text = f"seeds = [0, 1, 2]\n{TOP}"
    text += '[nets.a]\narchitecture = "lenet-5"\nsteps = [{ do = "train" }, { do = "qat" }]\n' + EMIT_TABLE
    stages = plan(read(text))
    assert [len(of_kind(stages, kind)) for kind in (DATA, STEP, EMIT)] == [1, 6, 3]
    for each in of_kind(stages, EMIT):
        chain = {one.key: one for one in stages}
        net = chain[each.parents["net"]]
        assert net.spec["seed"] == each.spec["seed"] == chain[net.parents["net"]].spec["seed"]


def test_a_net_without_files_is_trained_but_not_written():
    stages = plan(
        read(two('{ do = "train" }', '{ do = "qat" }').replace("[[emit]]", '[[emit]]\nnets = ["b"]'))
    )
    assert [each.spec["name"] for each in of_kind(stages, EMIT)] == ["lenet-5_q8a8"]
    assert len(of_kind(stages, STEP)) == 2


def test_groups_are_needed_where_one_is_left_out():
    with pytest.raises(UsageError, match="has no groups"):
        plan(read(SPOKEN_DIGITS))
    assert plan(read(two('{ do = "train" }', '{ do = "qat" }')), SPEAKERS) == plan(
        read(two('{ do = "train" }', '{ do = "qat" }'))
    )


def test_tickets_take_their_rounds_into_account():
    text = of_steps('do = "rewind", share = 0.48, epochs = 2', 'do = "train", epochs = 5')
    rewind, train = of_kind(plan(read(text)), STEP)
    assert (rewind.weight, train.weight) == (
        2 * 4,
        5,
    )  # 0.8^3 is less than what is left: three rounds and the ticket


@settings(deadline=None)
@given(st.permutations(SPEAKERS))
def test_parents_come_first_and_steps_can_be_read_back(speakers):
    stages = plan(read(SPOKEN_DIGITS), speakers)
    assert ordered(stages) == stages
    seen: set[str] = set()
    for each in stages:
        assert set(each.parents.values()) <= seen
        seen.add(each.key)
        if each.kind == STEP:
            read_step(each.spec["step"])
    assert {each.key for each in of_kind(stages, STEP)} == {
        each.key for each in of_kind(plan(read(SPOKEN_DIGITS), SPEAKERS), STEP)
    }
