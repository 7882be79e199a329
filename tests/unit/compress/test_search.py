"""A search finds the nets that no other beats, trains none that costs too much, and goes on where it stopped."""

import sys
from dataclasses import replace

import pytest

pytest.importorskip("optuna", reason="optuna comes with the extra 'search'")

from hypothesis import given
from hypothesis import strategies as st

from compress.recipes.recipe import SearchPlan
from compress.recipes.space import Candidate, Space
from compress.search import JOURNAL, Cost, Judged, Judges, digest_of, front, search
from zoo.errors import MissingExtraError, SweepError, TrainingError

pytestmark = pytest.mark.convert

PLAN = SearchPlan(
    widths=(0.25, 0.5, 1.0), sizes=(32, 64), filters=(0.0, 0.5), bits=(32, 8, 4), trials=12, seed=3
)
SPACE = Space(PLAN, ("mobilenet-v1", "vgg-small", "lenet-5"), grey=True)
JUDGED = st.lists(
    st.builds(
        Judged,
        st.builds(Candidate, st.just("lenet-5"), st.just(0.0), st.sampled_from((32, 8))),
        st.builds(Cost, st.integers(1, 6), st.just(1), st.just(1), st.integers(1, 6)),
        st.integers(1, 6),
    ),
    max_size=25,
)


def price(candidate):
    """A made-up cost: larger names, more bits and fewer cuts cost more."""
    base = sum(map(ord, candidate.architecture))
    return Cost(base * (1 - candidate.filters) / 100, base, base, base * candidate.bits)


def score(candidate):
    return 50 + candidate.bits / 4 - 10 * candidate.filters + len(candidate.architecture) / 10


JUDGES = Judges(price, score, lambda cost: cost.value < 15)


class Recorder:
    """Judges that remember whom they trained, and stop the process after so many."""

    def __init__(self, stop_after=None):
        self.trained, self.stop_after = [], stop_after

    def judges(self, **changed):
        return replace(JUDGES, score=self.score, **changed)

    def score(self, candidate):
        if len(self.trained) == self.stop_after:
            raise KeyboardInterrupt
        self.trained.append(candidate)
        return score(candidate)


def dominates(one, other):
    ours, theirs = ((-each.accuracy, each.cost.value, each.cost.size_bytes) for each in (one, other))
    return ours != theirs and all(mine <= yours for mine, yours in zip(ours, theirs, strict=True))


@given(JUDGED)
def test_the_front_is_what_brute_force_finds(judged):
    kept = [each for each in judged if not any(dominates(other, each) for other in judged)]
    assert sorted(map(repr, front(judged))) == sorted(map(repr, kept))


@given(JUDGED, st.randoms(use_true_random=False))
def test_the_front_does_not_depend_on_the_order(judged, chance):
    mixed = list(judged)
    chance.shuffle(mixed)
    assert front(mixed) == front(judged)


def test_what_costs_too_much_is_left_out_before_it_is_trained(tmp_path):
    recorder = Recorder()
    found = search(SPACE, recorder.judges(), tmp_path / "work", "a")
    assert found.over
    assert all(price(each).value >= 15 for each in found.over)
    assert not set(found.over) & set(recorder.trained)
    assert [each.candidate for each in found.judged] == recorder.trained
    assert all(each.cost.value < 15 for each in found.judged)
    assert len(found.judged) == PLAN.trials


def test_no_net_is_looked_at_twice_and_the_end_of_the_space_is_the_end_of_the_search(tmp_path):
    small = Space(replace(PLAN, trials=500), ("vgg-small", "lenet-5"), grey=True)
    recorder = Recorder()
    found = search(small, recorder.judges(), tmp_path / "work", "a")
    looked_at = [*recorder.trained, *found.over]
    assert len(looked_at) == len(set(looked_at)) == found.space == len(small.points())
    everything = [Judged(each, price(each), score(each)) for each in small.points() if price(each).value < 15]
    assert found.front == front(everything)


def test_the_same_seed_finds_the_same_and_another_one_does_not(tmp_path):
    runs = [
        search(Space(replace(PLAN, seed=seed), SPACE.bases, grey=True), JUDGES, tmp_path / name, "a")
        for name, seed in (("one", 3), ("again", 3), ("other", 4))
    ]
    assert runs[0] == runs[1]
    assert runs[0].judged != runs[2].judged


@pytest.mark.parametrize("stop_after", [0, 1, 5, 11])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path, stop_after):
    whole = search(SPACE, JUDGES, tmp_path / "whole", "a")
    killed, resumed = Recorder(stop_after), Recorder()
    with pytest.raises(KeyboardInterrupt):
        search(SPACE, killed.judges(), tmp_path / "killed", "a")
    assert search(SPACE, resumed.judges(), tmp_path / "killed", "a") == whole
    assert [*killed.trained, *resumed.trained] == [each.candidate for each in whole.judged]


def test_a_finished_search_trains_nothing_again_and_more_trials_go_on_from_it(tmp_path):
    first = search(SPACE, JUDGES, tmp_path / "work", "a")
    idle, more = Recorder(stop_after=0), Recorder()
    assert search(SPACE, idle.judges(), tmp_path / "work", "a") == first
    further = Space(replace(PLAN, trials=15), SPACE.bases, grey=True)
    found = search(further, more.judges(), tmp_path / "work", "a")
    assert found.judged[:12] == first.judged
    assert len(more.trained) == 3


def test_another_search_in_the_same_folder_begins_anew(tmp_path):
    search(SPACE, JUDGES, tmp_path / "work", digest_of({"seed": 1}))
    recorder = Recorder()
    search(SPACE, recorder.judges(), tmp_path / "work", digest_of({"seed": 2}))
    assert len(recorder.trained) == PLAN.trials


def test_a_training_that_cannot_go_on_is_told_and_does_not_stop_the_rest(tmp_path):
    def fragile(candidate):
        if candidate.bits == 4:
            raise TrainingError("the loss is nan")
        return score(candidate)

    judges = replace(JUDGES, score=fragile)
    found = search(SPACE, judges, tmp_path / "work", "a")
    assert len(found.judged) + len(found.failed) == PLAN.trials
    assert found.failed
    assert {(each.candidate.bits, each.reason) for each in found.failed} == {(4, "the loss is nan")}
    assert search(SPACE, judges, tmp_path / "work", "a") == found


def test_a_net_that_nobody_can_price_is_not_trained(tmp_path):
    recorder = Recorder()
    judges = recorder.judges(price=lambda each: None if each.filters else price(each))
    found = search(SPACE, judges, tmp_path / "work", "a")
    assert not any(each.filters for each in recorder.trained)
    assert {each.reason for each in found.failed} == {"nobody knows what it costs"}


def test_what_a_killed_process_leaves_does_no_harm(tmp_path):
    killed = Recorder(5)
    with pytest.raises(KeyboardInterrupt):
        search(SPACE, killed.judges(), tmp_path, "a")
    journal = tmp_path / JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code": 5, "wor')
    journal.with_name(f"{journal.name}.lock").symlink_to(journal)
    assert search(SPACE, JUDGES, tmp_path, "a") == search(SPACE, JUDGES, tmp_path / "whole", "a")


def test_a_damaged_journal_is_one_line(tmp_path):
    (tmp_path / JOURNAL).write_text("what is this\n\n")
    with pytest.raises(SweepError, match=r"is damaged: .* Delete it to begin anew"):
        search(SPACE, JUDGES, tmp_path, "a")


def test_two_searches_in_one_folder_do_not_mix(tmp_path):
    def second(candidate):
        search(SPACE, JUDGES, tmp_path, "a")

    with pytest.raises(SweepError, match="is in use by process"):
        search(SPACE, replace(JUDGES, score=second), tmp_path, "a")


def test_without_optuna_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)  # as if it were not there
    with pytest.raises(MissingExtraError, match=r"pip install 'device-zoo\[search\]'"):
        search(SPACE, JUDGES, tmp_path, "a")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot write into"):
        search(SPACE, JUDGES, tmp_path / "file" / "work", "a")
