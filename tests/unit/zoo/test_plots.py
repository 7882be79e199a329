"""Pictures: what is drawn is what the registry says, no label covers another, a file comes whole or not at all."""

import itertools
import json
import os
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoo
from device_profiles.matching import Match, MatchedBy
from device_profiles.profile import Kind
from registry.reader import Reader, shipped_registry
from registry.values import Evidence, Precision
from tests.builders import (
    CPU,
    GPU,
    NPU,
    candidate,
    device,
    latency,
    measurement,
    microcontroller,
    model,
    shelf,
    twin_row,
    variant,
)
from zoo import actions, plot_data, plots
from zoo.actions import Target
from zoo.cli import run
from zoo.errors import MissingExtraError, UnknownNameError, UsageError
from zoo.plots import Picture
from zoo.plots.labels import Box, Label, stack

IMAGENET, NET = "imagenet-classifier", "mobilenet-v1-1.0-224"
DEVICES = ["pixel3", "galaxy-s24-snapdragon", "mi9", "iphone12pro", "raspberry-pi-4b"]
NETS = [NET, "mobilenet-v2-1.0-224", "squeezenet-1.1-224", "vgg-16-224"]
PHONE = Target(device(), Match("phone", MatchedBy.ID), "phone", "chip")


@pytest.fixture(scope="module")
def registry() -> Iterator[Reader]:
    with actions.open_registry(None) as opened:
        yield opened


@pytest.fixture(scope="module")
def counting_rows() -> list[sqlite3.Row]:
    """Rows that count, straight from the file: what the pictures are compared with."""
    connection = sqlite3.connect(shipped_registry())
    connection.row_factory = sqlite3.Row
    query = """
        SELECT measurement.*, variant.net, variant.model, variant.precision, json_extract(profile, '$.kind') AS kind
        FROM measurement JOIN variant ON variant.name = measurement.variant
                         JOIN device ON device.id = measurement.device
        WHERE excluded = '' AND latency_ms IS NOT NULL"""
    rows = connection.execute(query).fetchall()
    connection.close()
    return rows


def counting_latencies(rows: list[sqlite3.Row]) -> dict[tuple, float]:
    """The latency of each candidate: of the rows of its newest era the one with the highest high end."""
    groups = defaultdict(list)
    for row in rows:
        key = (
            row["device"], row["variant"], row["precision"], row["processor"], row["runtime"], row["threads"],
            row["cores"],
        )  # fmt: skip
        groups[key].append(row)
    result = {}
    for key, found in groups.items():
        newest = max(row["era"] or 0 for row in found)
        counting = [row for row in found if (row["era"] or 0) == newest]
        slowest = max(
            counting, key=lambda row: (max(row["high_ms"] or 0, row["latency_ms"]), row["latency_ms"])
        )
        result[key] = slowest["latency_ms"]
    return result


class TestFrontData:
    def test_its_points_are_the_fastest_thread_count_of_each_way_in_the_registry(
        self, registry, counting_rows
    ):
        rows = [row for row in counting_rows if row["device"] == "pixel3" and row["model"] == IMAGENET]
        fastest = {}
        for (_, name, _, processor, runtime, _, _), value in counting_latencies(rows).items():
            fastest[name, processor, runtime] = min(value, fastest.get((name, processor, runtime), value))

        found = plot_data.read_front(registry, "pixel3", IMAGENET, Evidence.MEASURED)

        drawn = {
            (
                each.candidate.variant.name,
                each.candidate.processor,
                each.candidate.runtime,
            ): each.latency.value
            for each in found.points
        }
        assert len(found.points) + found.without_accuracy == len(fastest)
        assert drawn == {key: value for key, value in fastest.items() if key in drawn}

    @pytest.mark.parametrize("name", DEVICES[:3])
    def test_its_line_is_what_no_point_beats(self, registry, name):
        found = plot_data.read_front(registry, name, IMAGENET)

        def beats(one, other):
            one, other = ((each.latency.value, -each.candidate.accuracy.value) for each in (one, other))
            return one[0] <= other[0] and one[1] <= other[1] and one != other

        best = [each for each in found.points if not any(beats(rival, each) for rival in found.points)]
        numbers = {(each.latency.value, each.candidate.accuracy.value) for each in best}
        assert {(each.latency.value, each.candidate.accuracy.value) for each in found.line} == numbers
        assert len(found.line) == len(numbers)

    def test_an_excluded_row_never_counts(self):
        rows = [measurement("net", 10.0), measurement("net", 1.0, threads=2, excluded="a slip of the pen")]
        found = plot_data.front(PHONE, shelf([variant("net")], rows), Evidence.PREDICTED)
        assert [each.latency.value for each in found.points] == [10.0]

    def test_where_less_is_better_the_line_goes_down(self):
        of = model(higher_is_better=False)
        variants = [variant("rough", 9.0), variant("fine", 3.0), variant("poor", 12.0)]
        rows = [measurement("rough", 5.0), measurement("fine", 20.0), measurement("poor", 10.0)]
        found = plot_data.front(PHONE, shelf(variants, rows, of), Evidence.PREDICTED)
        assert [each.candidate.variant.name for each in found.line] == ["rough", "fine"]

    def test_the_least_evidence_is_a_filter(self):
        rows = [measurement("own", 10.0), twin_row("lent", 5.0)]
        known = shelf([variant("own"), variant("lent")], rows)
        assert len(plot_data.front(PHONE, known, Evidence.SAME_SOC).points) == 2
        assert len(plot_data.front(PHONE, known, Evidence.MEASURED).points) == 1

    def test_ways_without_an_accuracy_are_counted_and_not_drawn(self):
        known = shelf(
            [variant("scored"), variant("blind", None)], [measurement("scored"), measurement("blind")]
        )
        found = plot_data.front(PHONE, known, Evidence.PREDICTED)
        assert (len(found.points), found.without_accuracy) == (1, 1)

    def test_a_front_without_a_point_says_why(self):
        empty = plot_data.front(PHONE, shelf([variant("net")]), Evidence.PREDICTED).empty
        assert empty == "no variant of classifier has both a latency on The Phone and an accuracy"


class TestSpreadData:
    def test_each_phone_has_one_point_its_best_in_the_registry(self, registry, counting_rows):
        rows = [row for row in counting_rows if row["net"] == NET and row["kind"] == "phone"]
        best = {}
        for key, value in counting_latencies(rows).items():
            best[key[0]] = min(value, best.get(key[0], value))

        found = plot_data.read_spread(registry, NET)

        assert {each.device.id: each.latency.value for each in found.points} == best
        assert len(found.points) == len(best) > 20
        assert [each.latency.value for each in found.points] == sorted(best.values())

    def test_more_kinds_give_more_devices(self, registry):
        phones = plot_data.read_spread(registry, NET)
        both = plot_data.read_spread(registry, NET, (Kind.PHONE, Kind.BOARD))
        assert {each.device.kind for each in both.points} == {Kind.PHONE, Kind.BOARD}
        assert len(both.points) > len(phones.points)

    def test_like_for_like_is_the_largest_group_on_the_cpu(self):
        quick, slow, third = (device(name, name=name) for name in ("quick", "slow", "third"))
        ways = [
            (quick, candidate(latency=latency(5.0))),
            (slow, candidate(latency=latency(50.0))),
            (third, candidate(latency=latency(20.0))),
            (quick, candidate(latency=latency(1.0), threads=4)),  # too few devices on four threads
            (slow, candidate(latency=latency(900.0), threads=4)),
            (quick, candidate(latency=latency(0.1), processor=GPU)),
        ]
        found = plot_data.spread("net", (Kind.PHONE,), ways)
        assert found.like_for_like.value == 10.0
        assert found.like_for_like.devices == 3
        assert found.best_to_best.value == pytest.approx(50.0 / 0.1)

    def test_of_equally_large_groups_float32_is_compared(self):
        one, other = device("one"), device("other")
        small, full = variant("small", precision=Precision.INT8), variant("full")
        ways = [
            (where, candidate(of, latency=latency(value)))
            for where, of, value in [
                (one, small, 1.0),
                (other, small, 9.0),
                (one, full, 4.0),
                (other, full, 8.0),
            ]
        ]
        assert plot_data.spread("net", (Kind.PHONE,), ways).like_for_like.value == 2.0

    def test_an_unknown_number_of_threads_is_like_nothing(self):
        ways = [(device(name), candidate(threads=None)) for name in ("one", "other")]
        found = plot_data.spread("net", (Kind.PHONE,), ways)
        assert found.like_for_like is None
        assert found.best_to_best.value == 1.0

    def test_an_unknown_net_gets_the_closest_names(self, registry):
        with pytest.raises(UnknownNameError, match=r"unknown net 'mobilenet-v1-1\.0-244'\. Did you mean"):
            plot_data.read_spread(registry, "mobilenet-v1-1.0-244")


class TestSizesData:
    def test_every_known_size_of_the_registry_is_there(self, registry):
        connection = sqlite3.connect(shipped_registry())
        known = dict(connection.execute("SELECT name, size_bytes FROM variant WHERE size_bytes IS NOT NULL"))
        (unknown,) = connection.execute("SELECT count(*) FROM variant WHERE size_bytes IS NULL").fetchone()
        connection.close()

        found = plot_data.read_sizes(registry)

        assert {each.variant: each.size_bytes for each in found.sizes} == known
        assert found.unknown == unknown

    def test_the_rows_of_a_model_are_its_families_by_median_size(self):
        variants = [
            variant("a", family="large", size_bytes=9_000_000),
            variant("b", family="small", size_bytes=1_000_000),
            variant("c", family="small", size_bytes=20_000_000),
            variant("d", family="small", size_bytes=2_000_000),
            variant("e", family="unknown", size_bytes=None),
        ]
        found = plot_data.sizes(model(), {}, variants, [])
        assert [name for name, _ in found.rows] == ["small", "large"]
        assert found.unknown == 1

    def test_sram_is_the_least_the_median_and_the_most_of_the_microcontrollers(self):
        boards = [microcontroller(str(size), memory={"sram": size * 1024}) for size in (512, 64, 2048)]
        boards += [microcontroller("bare", memory={"flash": 1}), device(memory={"sram": 1})]
        assert [each.text for each in plot_data.sram(boards)] == [
            "64 KiB: least MCU SRAM", "512 KiB: median MCU SRAM", "2 MiB: most MCU SRAM",
        ]  # fmt: skip

    def test_sram_of_no_microcontroller_is_no_landmark(self):
        assert plot_data.sram([device()]) == []

    @pytest.mark.parametrize("precision", list(Precision))
    def test_each_precision_has_exactly_one_class(self, precision):
        assert sum(precision in members for members in plot_data.PRECISION_CLASSES.values()) == 1


class TestLabels:
    @given(
        st.lists(
            st.tuples(st.floats(0, 60), st.floats(0, 60), st.floats(2, 40), st.floats(20, 200)),
            min_size=1,
            max_size=30,
        )
    )
    def test_labels_of_any_rising_line_never_overlap(self, steps):
        x, y, labels = 0.0, 0.0, []
        for right, up, radius, width in steps:
            x, y = x + right, y + up + 0.1
            labels.append(Label("", x, y, radius, width, 16.0))

        placed = stack(labels, [])

        assert not any(one.box.overlaps(other.box) for one, other in itertools.combinations(placed, 2))
        assert all(each.box.x1 < each.label.x for each in placed)

    def test_a_label_moves_aside_for_a_bubble(self):
        bubble = Box(60, 90, 95, 110)
        (placed,) = stack([Label("", 100, 100, 5, 50, 16)], [bubble])
        assert placed.box.x1 < bubble.x0


@pytest.fixture
def draw() -> Iterator[Callable]:
    """Draws a picture and keeps matplotlib's settings to itself."""
    pytest.importorskip("matplotlib")
    from zoo.plots import drawing  # noqa: PLC0415

    def call(data: Picture):
        figure = drawing.draw(data)
        figure.canvas.draw()
        return figure

    with drawing.settings():
        yield call


def texts(figure, *kinds):
    """Texts of a figure with the boxes that the renderer gives them; the tick labels in view for ``"tick"``."""
    renderer = figure.canvas.get_renderer()
    marked = [
        each for each in figure.findobj(lambda each: each.get_gid() in kinds) if hasattr(each, "get_text")
    ]
    if "tick" in kinds:
        axes = figure.axes[0]
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = [each for each in axis.get_major_ticks() if min(limits) <= each.get_loc() <= max(limits)]
            marked += [each.label1 for each in ticks] + [axis.label]
    return [(each.get_text(), each.get_window_extent(renderer)) for each in marked if each.get_text()]


def overlapping(boxes):
    """Pairs of texts whose boxes share more than the half pixel that rounding costs."""
    return [
        (text, rival)
        for (text, one), (rival, other) in itertools.combinations(boxes, 2)
        if one.x0 < other.x1 - 0.5
        and other.x0 < one.x1 - 0.5
        and one.y0 < other.y1 - 0.5
        and other.y0 < one.y1 - 0.5
    ]


def offsets(figure, kind):
    """Positions of the points of one kind, in the units of the axes."""
    return [
        tuple(float(number) for number in spot)
        for each in figure.axes[0].collections
        if each.get_gid() == kind
        for spot in each.get_offsets()
    ]


EVERY_TEXT = ("heading", "legend", "label", "tick")


def assert_readable(figure):
    found = texts(figure, *EVERY_TEXT)
    assert overlapping(found) == []
    page = figure.bbox
    assert [
        text for text, box in found if box.x0 < 0 or box.y0 < 0 or box.x1 > page.x1 or box.y1 > page.y1
    ] == []
    assert figure.get_figwidth() * figure.dpi == pytest.approx(1600)


@pytest.mark.plot
class TestFrontPicture:
    @pytest.mark.parametrize("name", DEVICES)
    def test_it_draws_the_numbers_of_its_data_and_nothing_overlaps(self, registry, draw, name):
        of = "coco-detector" if name == "raspberry-pi-4b" else IMAGENET
        data = plot_data.read_front(registry, name, of)

        figure = draw(data)

        wanted = [(each.latency.value, each.candidate.accuracy.value) for each in data.points]
        assert sorted(offsets(figure, "bubble")) == sorted(wanted)
        assert_readable(figure)
        assert len(texts(figure, "label")) == len(data.line)

    @pytest.mark.parametrize("name", DEVICES[:2])
    def test_labels_cover_no_bubble_and_stay_inside_the_axes(self, registry, draw, name):
        figure = draw(plot_data.read_front(registry, name, IMAGENET))
        renderer, frame = figure.canvas.get_renderer(), figure.axes[0].get_window_extent()
        bubbles = [
            ("bubble", each.get_window_extent(renderer))
            for each in figure.axes[0].collections
            if each.get_gid() == "bubble"
        ]
        for text, box in texts(figure, "label"):
            assert [pair for pair in overlapping([(text, box), *bubbles]) if text in pair] == []
            assert frame.x0 <= box.x0
            assert box.x1 <= frame.x1
            assert frame.y0 <= box.y0
            assert box.y1 <= frame.y1

    def test_the_area_of_a_bubble_is_the_size_of_the_file(self, draw):
        variants = [
            variant("small", 60.0, size_bytes=4_000_000),
            variant("large", 70.0, size_bytes=40_000_000),
        ]
        rows = [measurement("small", 5.0), measurement("large", 50.0)]
        figure = draw(plot_data.front(PHONE, shelf(variants, rows), Evidence.PREDICTED))
        large, small = sorted(
            (float(each.get_sizes()[0]) for each in figure.axes[0].collections if each.get_gid() == "bubble"),
            reverse=True,
        )
        assert large / small == pytest.approx(10.0)

    def test_a_bubble_of_unknown_size_is_hollow(self, draw):
        known = shelf([variant("net", size_bytes=None)], [measurement("net")])
        figure = draw(plot_data.front(PHONE, known, Evidence.PREDICTED))
        (bubble,) = [each for each in figure.axes[0].collections if each.get_gid() == "bubble"]
        assert len(bubble.get_facecolor()) == 0
        assert "unknown" in [text for text, _ in texts(figure, "legend")]

    def test_many_points_at_one_speed_stay_readable(self, draw):
        variants = [variant(f"a-net-of-a-rather-long-name-{n}", 60 + n / 100) for n in range(30)]
        rows = [measurement(each.name, 10 + n / 1000) for n, each in enumerate(variants)]
        data = plot_data.front(PHONE, shelf(variants, rows), Evidence.PREDICTED)
        assert len(data.line) == 30

        figure = draw(data)

        assert_readable(figure)
        assert len(texts(figure, "label")) == 30

    def test_where_less_is_better_up_is_still_better(self, draw):
        variants = [variant("rough", 9.0), variant("fine", 3.0)]
        rows = [measurement("rough", 5.0), measurement("fine", 20.0)]
        of = model(higher_is_better=False)
        figure = draw(plot_data.front(PHONE, shelf(variants, rows, of), Evidence.PREDICTED))
        low, high = figure.axes[0].get_ylim()
        assert low > high
        assert_readable(figure)


@pytest.mark.plot
class TestSpreadPicture:
    @pytest.mark.parametrize("net", NETS)
    def test_it_draws_one_point_a_phone_and_nothing_overlaps(self, registry, draw, net):
        data = plot_data.read_spread(registry, net)

        figure = draw(data)

        wanted = [(each.latency.value, float(row)) for row, each in enumerate(data.points)]
        assert offsets(figure, "point") == wanted
        names = [each.get_text() for each in figure.axes[0].get_yticklabels()]
        assert names == [each.device.name for each in data.points]
        assert_readable(figure)

    def test_all_kinds_of_device_together_stay_readable(self, registry, draw):
        assert_readable(draw(plot_data.read_spread(registry, NET, tuple(Kind))))

    def test_its_title_holds_both_ratios_of_the_registry(self, registry, draw, counting_rows):
        rows = [row for row in counting_rows if row["net"] == NET and row["kind"] == "phone"]
        best, alike = defaultdict(list), defaultdict(list)
        for key, value in counting_latencies(rows).items():
            name, _, precision, processor, runtime, threads, _ = key
            best[name].append(value)
            if (precision, processor, runtime, threads) == ("float32", "cpu", "ncnn", 1):
                alike[name].append(value)
        fastest, fair = ([min(times) for times in each.values()] for each in (best, alike))

        heading = " ".join(text for text, _ in texts(draw(plot_data.read_spread(registry, NET)), "heading"))

        title = heading[: heading.index("fastest)")]
        assert f"{max(fair) / min(fair):.3g}x like for like (ncnn on the CPU, float32, 1 thread)" in title
        assert f"{max(fastest) / min(fastest):.3g}x best to best" in title
        assert f"{len(fastest)} phones" in title
        assert f"Like for like, {len(fair)} compared" in heading

    def test_the_80x_of_the_literature_is_not_claimed(self, registry, draw):
        figure = draw(plot_data.read_spread(registry, NET))
        said = [text for text, _ in texts(figure, "heading") if "80x" in text]
        assert said == ["80x is the spread quoted in the literature, not a result of this figure."]

    def test_a_single_phone_has_no_ratio(self, draw):
        figure = draw(plot_data.spread("net", (Kind.PHONE,), [(device(), candidate())]))
        assert texts(figure, "heading")[0][0] == "net on 1 phone"
        assert_readable(figure)

    @pytest.mark.parametrize("processor", [CPU, GPU, NPU])
    def test_its_legend_names_the_processor(self, draw, processor):
        figure = draw(plot_data.spread("net", (Kind.PHONE,), [(device(), candidate(processor=processor))]))
        assert processor.upper() in [text for text, _ in texts(figure, "legend")]


@pytest.mark.plot
class TestSizesPicture:
    @pytest.mark.parametrize("name", [None, IMAGENET, "keyword-spotter"])
    def test_it_draws_every_known_size_and_nothing_overlaps(self, registry, draw, name):
        data = plot_data.read_sizes(registry, name)

        figure = draw(data)

        drawn = [x for each in plot_data.PRECISION_CLASSES for x, _ in offsets(figure, each)]
        assert sorted(drawn) == sorted(each.size_bytes for each in data.sizes)
        assert_readable(figure)
        assert sorted(text for text, _ in texts(figure, "label")) == sorted(
            each.text for each in data.landmarks
        )


@pytest.mark.plot
class TestFiles:
    @pytest.fixture
    def data(self, draw) -> Picture:
        return plot_data.front(PHONE, shelf([variant("net")], [measurement("net")]), Evidence.PREDICTED)

    @pytest.mark.parametrize("ending", [".png", ".svg"])
    def test_a_picture_has_the_same_bytes_in_every_process(self, tmp_path, ending, draw):
        found = []
        for seed in ("1", "2"):
            path = tmp_path / f"{seed}{ending}"
            code = f"from zoo.cli import main; main(['plot', 'spread', '--net', '{NET}', '--out', {str(path)!r}])"
            environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)}
            subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)
            found.append(path.read_bytes())
        assert found[0] == found[1]
        assert b"<dc:date>" not in found[0]

    def test_the_users_own_settings_change_nothing(self, tmp_path, data):
        import matplotlib as mpl  # noqa: PLC0415

        plots.save(data, tmp_path / "plain.svg")
        with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "mine"}):
            plots.save(data, tmp_path / "mine.svg")
        assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "mine.svg").read_bytes()

    @pytest.mark.parametrize(("ending", "begin"), [(".png", b"\x89PNG"), (".SVG", b"<?xml")])
    def test_the_ending_says_the_kind_of_file(self, tmp_path, data, ending, begin):
        plots.save(data, tmp_path / f"picture{ending}")
        assert (tmp_path / f"picture{ending}").read_bytes().startswith(begin)
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_path_that_cannot_be_written_leaves_nothing(self, tmp_path, data):
        with pytest.raises(UsageError, match="File name too long"):
            plots.save(data, tmp_path / f"{'x' * 300}.png")
        assert list(tmp_path.iterdir()) == []

    def test_an_older_picture_is_replaced(self, tmp_path, data):
        path = tmp_path / "picture.png"
        path.write_text("old")
        plots.save(data, path)
        assert path.read_bytes().startswith(b"\x89PNG")


CHECKOUT = Path(zoo.__file__).parents[1]


class TestPaths:
    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("picture.pdf", "a picture is a .png or .svg file"),
            ("picture", "a picture is a .png or .svg file"),
            ("nowhere/picture.png", "there is no folder"),
            ("folder.png", "it is a folder"),
            ("file/picture.png", "there is no folder"),
        ],
    )
    def test_a_bad_path_is_refused(self, tmp_path, name, problem):
        (tmp_path / "folder.png").mkdir()
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match=problem):
            plots.check_out(tmp_path / name)

    def test_without_matplotlib_the_message_names_the_extra(self, tmp_path, monkeypatch):
        for name in [each for each in sys.modules if each.startswith(("matplotlib", "zoo.plots."))]:
            if name != "zoo.plots.labels":
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        monkeypatch.delattr(plots, "drawing", raising=False)
        data = plot_data.spread("net", (Kind.PHONE,), [(device(), candidate())])
        with pytest.raises(MissingExtraError, match=r"pip install 'device-zoo\[plot\]'"):
            plots.save(data, tmp_path / "picture.png")
        assert list(tmp_path.iterdir()) == []


class TestCommand:
    @pytest.fixture
    def call(self, capsys, monkeypatch, tmp_path) -> Callable[..., tuple[int, str, str]]:
        """Runs the command in an empty folder."""
        monkeypatch.delenv("ZOO_REGISTRY", raising=False)
        monkeypatch.chdir(tmp_path)

        def run_it(*arguments):
            code = run(["plot", *arguments])
            printed = capsys.readouterr()
            return code, printed.out, printed.err

        return run_it

    @pytest.mark.plot
    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            (("front", "--model", IMAGENET, "--device", "Pixel 3"), f"front-{IMAGENET}-pixel3.png"),
            (("spread", "--net", NET), f"spread-{NET}.png"),
            (("sizes", "--model", "keyword-spotter"), "sizes-keyword-spotter.png"),
        ],
    )
    def test_it_says_where_the_picture_is(self, call, tmp_path, draw, arguments, name):
        assert call(*arguments) == (0, f"wrote {name}\n", "")
        assert [each.name for each in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize(
        "arguments",
        [
            ("front", "--model", IMAGENET, "--device", "pixel3"),
            ("spread", "--net", NET, "--kinds", "phone,board"),
            ("sizes",),
        ],
    )
    def test_json_prints_the_data_and_draws_nothing(self, call, tmp_path, arguments):
        code, out, err = call(*arguments, "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)
        assert "Infinity" not in out
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("front", "--model", IMAGENET, "--device", "pixel33"), "unknown device 'pixel33'"),
            (("front", "--model", "imagenet", "--device", "pixel3"), "unknown model 'imagenet'"),
            (
                ("front", "--model", IMAGENET, "--device", "pixel3", "--evidence", "hearsay"),
                "unknown evidence",
            ),
            (("spread", "--net", "mobilenet-v11"), "unknown net 'mobilenet-v11'"),
            (("spread", "--net", NET, "--kinds", "toaster"), "unknown kind of device 'toaster'"),
            (("sizes", "--model", "imagenet"), "unknown model 'imagenet'"),
            (("sizes", "--out", "sizes.gif"), "a picture is a .png or .svg file"),
            (("sizes", "--out", "nowhere/sizes.png"), "there is no folder 'nowhere'"),
        ],
    )
    def test_what_makes_no_sense_is_one_line_and_exit_2(self, call, tmp_path, arguments, problem):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "")
        assert problem in err
        assert err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    def test_nothing_to_draw_is_exit_3_and_no_file(self, call, tmp_path):
        code, out, err = call("front", "--model", "keyword-spotter", "--device", "pixel3")
        assert (code, out) == (3, "")
        assert err.startswith("zoo: nothing to draw: no variant of keyword-spotter")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--help"],
            ["pick", "--device", "pixel3"],
            ["plot", "sizes", "--json"],
            ["plot", "continuum", "--model", "keyword-spotter", "--json"],
        ],
    )
    def test_what_draws_nothing_does_not_load_matplotlib(self, arguments):
        code = f"""
import sys
from zoo.cli import run
assert run({arguments!r}) == 0
sys.exit(any(each.partition(".")[0] in ("matplotlib", "numpy") for each in sys.modules))
"""
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, env=environment, capture_output=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b"")
