"""Sweeps are shown so that a reader knows how far they are."""

import io
from contextlib import redirect_stderr

import pytest

from compress.sweep.progress import Progress
from zoo.views.sweeps import duration, following


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3540, "59 min"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (7199, "2 h"),
    ],
)
def test_a_time_in_words(seconds, said):
    assert duration(seconds) == said


def test_a_pipe_gets_one_line_for_each_stage_that_has_ended():
    with redirect_stderr(io.StringIO()) as written, following() as listen:
        listen(Progress(0, 3, 0, ("top",), None))
        listen(Progress(0, 3, 0, ("top",), None))
        listen(Progress(1, 3, 0, ("left", "right"), 130.0))
        listen(Progress(2, 3, 1, (), 0.0))
    assert written.getvalue().splitlines() == [
        "0 of 3 done · top",
        "1 of 3 done · about 2 min left · left · right",
        "2 of 3 done · 1 failed or skipped",
    ]
