"""The continuum of a model: what is drawn is what the registry says, and no label covers another or a mark."""

import json
import math
import sqlite3
from collections.abc import Callable, Iterator

import pytest

from registry.reader import Reader, shipped_registry
from registry.values import Precision
from tests.builders import NPU, accuracy, model, variant
from tests.unit.zoo.test_plots import assert_readable, overlapping, texts
from zoo import actions, plot_continuum
from zoo.cli import run
from zoo.errors import UnknownNameError
from zoo.plot_continuum import Continuum

IMAGENET = "imagenet-classifier"
MODELS = [
    IMAGENET,
    "coco-detector",
    "flowers-classifier",
    "mpiigaze-gaze-estimator",
    "wisdm-activity-classifier",
]
FORMATS = ("tflite", "onnx", "coreml")


@pytest.fixture(scope="module")
def registry() -> Iterator[Reader]:
    with actions.open_registry(None) as opened:
        yield opened


def sized(name, size_bytes, top1, **other):
    return variant(name, top1, size_bytes=size_bytes, **other)


def names(marks):
    return [each.variant.name for each in marks]


def sweep(count):
    """Variants as a recipe makes them: nets of growing width in four precisions and all formats, on 10 000 samples."""
    made = []
    for number in range(count):
        net, precision, kind = number // 12, list(Precision)[number // 3 % 4 * 3], FORMATS[number % 3]
        size = int(20_000 * 2.2**net * (precision.weight_bits or 16) / 32 * (1 + number % 3 / 50))
        top1 = 93 - 20 / (1 + net) - 8 / (precision.weight_bits or 16) - number % 3 / 20
        scored = (accuracy(top1, samples=10_000),)
        made.append(sized(f"net-{number}", size, None, precision=precision, format=kind, accuracies=scored))
    return made


class TestData:
    def test_its_marks_are_all_variants_of_the_registry_with_a_size_and_a_top1_on_imagenet(self, registry):
        connection = sqlite3.connect(shipped_registry())
        query = """
            SELECT DISTINCT variant.name FROM variant JOIN accuracy ON accuracy.variant = variant.name
            WHERE variant.model = ? AND size_bytes > 0
                AND metric = 'top1' AND dataset = 'imagenet-1k' AND split = 'validation'"""
        wanted = {name for (name,) in connection.execute(query, (IMAGENET,))}
        (everything,) = connection.execute(
            "SELECT count(*) FROM variant WHERE model = ?", (IMAGENET,)
        ).fetchone()
        connection.close()

        found = plot_continuum.read_continuum(registry, IMAGENET)

        assert set(names(found.marks)) == wanted
        assert len(found.marks) == len(wanted) > 200
        assert found.undrawn == everything - len(wanted)

    @pytest.mark.parametrize("name", MODELS)
    def test_its_line_is_what_no_mark_beats(self, registry, name):
        found = plot_continuum.read_continuum(registry, name)
        sign = 1 if found.model.higher_is_better else -1
        numbers = {(each.size_bytes, -sign * each.accuracy.value) for each in found.marks}
        best = {
            mine
            for mine in numbers
            if not any(other[0] <= mine[0] and other[1] <= mine[1] and other != mine for other in numbers)
        }
        assert [(each.size_bytes, -sign * each.accuracy.value) for each in found.line] == sorted(best)

    @pytest.mark.parametrize("name", MODELS)
    def test_an_accuracy_is_the_one_that_the_choice_counts(self, registry, name):
        found = plot_continuum.read_continuum(registry, name)
        assert found.marks
        assert [each.accuracy for each in found.marks] == [
            each.variant.accuracy(found.model) for each in found.marks
        ]

    def test_of_several_accuracies_the_one_of_most_samples_counts(self):
        scores = (
            accuracy(75.0, samples=100),
            accuracy(71.0, samples=10_000, processor=NPU),
            accuracy(70.0, samples=50_000),
            accuracy(90.0, samples=99_000, dataset="other pictures"),
            accuracy(91.0, samples=99_000, metric="top5"),
        )
        (mark,) = plot_continuum.continuum(model(), [variant(accuracies=scores)]).marks
        assert mark.accuracy.value == 70.0

    @pytest.mark.parametrize(
        "blind",
        [
            sized("without a size", None, 70.0),
            sized("empty", 0, 70.0),
            sized("without an accuracy", 1000, None),
            sized("of another split", 1000, None, accuracies=(accuracy(split="training"),)),
        ],
        ids=lambda each: each.name,
    )
    def test_a_variant_that_cannot_be_placed_is_counted_and_not_drawn(self, blind):
        found = plot_continuum.continuum(model(), [blind, sized("known", 1000, 70.0)])
        assert (names(found.marks), found.undrawn) == (["known"], 1)

    def test_a_model_without_a_split_takes_the_accuracies_of_any(self):
        found = plot_continuum.continuum(model(split=""), [variant(accuracies=(accuracy(split="test"),))])
        assert len(found.marks) == 1

    def test_neither_the_same_accuracy_in_more_bytes_nor_a_twin_is_on_the_line(self):
        variants = [sized("twin", 1000, 70.0), sized("first", 1000, 70.0), sized("larger", 2000, 70.0)]
        assert names(plot_continuum.continuum(model(), variants).line) == ["first"]

    def test_where_less_is_better_the_line_goes_down(self):
        variants = [sized("rough", 1000, 9.0), sized("poor", 2000, 12.0), sized("fine", 3000, 3.0)]
        found = plot_continuum.continuum(model(higher_is_better=False), variants)
        assert names(found.line) == ["rough", "fine"]

    def test_the_knee_is_where_the_line_bends_most(self):
        variants = [sized(name, size, top1) for name, size, top1 in [
            ("a", 1000, 50.0), ("b", 2000, 55.0), ("c", 10_000, 88.0), ("d", 40_000, 89.0), ("e", 100_000, 90.0),
        ]]  # fmt: skip
        found = plot_continuum.continuum(model(), variants)
        assert {what: each.variant.name for what, each in found.landmarks.items()} == {
            "smallest": "a", "knee": "c", "most accurate": "e",
        }  # fmt: skip
        assert found.factor == 100.0

    def test_a_line_that_sags_has_no_knee(self):
        variants = [sized("a", 1000, 50.0), sized("b", 10_000, 51.0), sized("c", 100_000, 90.0)]
        found = plot_continuum.continuum(model(), variants)
        assert list(found.landmarks) == ["smallest", "most accurate"]

    def test_the_order_of_the_input_changes_nothing(self):
        variants = sweep(40)
        assert plot_continuum.continuum(model(), variants) == plot_continuum.continuum(
            model(), variants[::-1]
        )

    def test_a_continuum_without_a_mark_says_why(self):
        found = plot_continuum.continuum(model(), [variant(top1=None)])
        assert found.empty == "no variant of classifier has both a size and an accuracy"
        assert (found.landmarks, found.document()["size_factor"]) == ({}, None)

    def test_an_unknown_model_gets_the_closest_names(self, registry):
        with pytest.raises(UnknownNameError, match=r"unknown model 'imagenet-clasifier'\. Did you mean"):
            plot_continuum.read_continuum(registry, "imagenet-clasifier")


@pytest.fixture
def draw() -> Iterator[Callable]:
    """Draws a picture and keeps matplotlib's settings to itself."""
    pytest.importorskip("matplotlib")
    from zoo.plots import drawing  # noqa: PLC0415

    def call(data: Continuum):
        figure = drawing.draw(data)
        figure.canvas.draw()
        return figure

    with drawing.settings():
        yield call


def lines(figure, kind):
    return [each for each in figure.axes[0].lines if each.get_gid() == kind]


def assert_labels_are_free(figure):
    """No label covers a mark or leaves the axes."""
    frame, points = figure.axes[0].get_window_extent(), figure.dpi / 72
    marks = []
    for each in lines(figure, "mark"):
        x, y = figure.axes[0].transData.transform(each.get_xydata()[0])
        radius = each.get_markersize() / 2 * points
        marks.append((x - radius, y - radius, x + radius, y + radius))
    for text, box in texts(figure, "label"):
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1, text
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1, text
        assert not [each for each in marks if box.x0 < each[2] and each[0] < box.x1
                    and box.y0 < each[3] and each[1] < box.y1], text  # fmt: skip


@pytest.mark.plot
class TestPicture:
    @pytest.mark.parametrize("name", MODELS)
    def test_it_draws_the_numbers_of_its_data_and_nothing_overlaps(self, registry, draw, name):
        data = plot_continuum.read_continuum(registry, name)

        figure = draw(data)

        drawn = sorted(
            tuple(float(number) for number in each.get_xydata()[0]) for each in lines(figure, "mark")
        )
        assert drawn == sorted((float(each.size_bytes), each.accuracy.value) for each in data.marks)
        assert_readable(figure)
        assert_labels_are_free(figure)
        assert len(texts(figure, "label")) == len(data.landmarks)

    @pytest.mark.parametrize("count", [1, 2, 24, 60])
    def test_a_sweep_of_any_length_stays_readable(self, draw, count):
        data = plot_continuum.continuum(model(), sweep(count))
        figure = draw(data)
        assert_readable(figure)
        assert_labels_are_free(figure)
        assert len(texts(figure, "label")) == len(data.landmarks)

    def test_variants_of_one_size_and_accuracy_are_drawn(self, draw):
        figure = draw(
            plot_continuum.continuum(model(), [sized(name, 1000, 70.0) for name in ("one", "other")])
        )
        assert texts(figure, "heading")[0][0] == "A classifier: 2 variants of 1 kB"
        assert_readable(figure)

    def test_bars_are_the_intervals_of_the_accuracies(self, draw):
        known = sized("known", 1000, None, accuracies=(accuracy(70.0, samples=1000),))
        blind = sized("blind", 2000, None, accuracies=(accuracy(80.0, samples=None),))
        data = plot_continuum.continuum(model(), [known, blind])
        (bar,) = [each for each in draw(data).axes[0].collections if each.get_gid() == "bar"]
        (segment,) = bar.get_segments()
        assert segment[:, 0].tolist() == [1000, 1000]
        assert segment[:, 1].tolist() == pytest.approx(data.marks[0].accuracy.interval())

    def test_its_heading_says_how_many_variants_and_what_factor_in_size(self, registry, draw):
        data = plot_continuum.read_continuum(registry, "flowers-classifier")
        heading = " ".join(text for text, _ in texts(draw(data), "heading"))
        sizes = [each.size_bytes for each in data.marks]
        assert f"{len(sizes)} variants, the largest {max(sizes) / min(sizes):.3g} times as large" in heading

    def test_formats_differ_in_their_filling(self, draw):
        variants = [sized(kind, 1000 * n, 70.0 + n, format=kind) for n, kind in enumerate(FORMATS, 1)]
        figure = draw(plot_continuum.continuum(model(), variants))
        keys = figure.findobj(lambda each: each.get_label() in FORMATS)
        assert len({each.get_fillstyle() for each in keys}) == len(FORMATS)

    def test_formats_beyond_the_fillings_share_the_last(self):
        pytest.importorskip("matplotlib")
        from zoo.plots.continuum import format_fills  # noqa: PLC0415

        found = format_fills({"tflite", "onnx", "coreml", "qnn", "keras", "mnn", "ncnn"})
        assert [found[each] for each in FORMATS] == ["full", "none", "left"]
        assert found["mnn"] == found["ncnn"] != found["keras"]

    def test_where_less_is_better_up_is_still_better(self, draw):
        variants = [sized("rough", 1000, 9.0), sized("fine", 3000, 3.0)]
        figure = draw(plot_continuum.continuum(model(higher_is_better=False), variants))
        low, high = figure.axes[0].get_ylim()
        assert low > high
        assert_readable(figure)
        assert_labels_are_free(figure)

    def test_labels_stand_apart(self, draw):
        variants = [sized(f"net-{n}", 1000 + n, 70 + math.sqrt(n)) for n in range(30)]
        assert overlapping(texts(draw(plot_continuum.continuum(model(), variants)), "label")) == []


class TestCommand:
    @pytest.fixture
    def call(self, capsys, monkeypatch, tmp_path) -> Callable[..., tuple[int, str, str]]:
        """Runs the command in an empty folder."""
        monkeypatch.delenv("ZOO_REGISTRY", raising=False)
        monkeypatch.chdir(tmp_path)

        def run_it(*arguments):
            code = run(["plot", "continuum", *arguments])
            printed = capsys.readouterr()
            return code, printed.out, printed.err

        return run_it

    @pytest.mark.plot
    def test_it_says_where_the_picture_is(self, call, tmp_path, draw):
        assert call("--model", IMAGENET) == (0, f"wrote continuum-{IMAGENET}.png\n", "")
        assert (tmp_path / f"continuum-{IMAGENET}.png").read_bytes().startswith(b"\x89PNG")

    def test_json_prints_the_data_and_draws_nothing(self, call, tmp_path, registry):
        code, out, err = call("--model", IMAGENET, "--json")
        assert (code, err) == (0, "")
        printed, data = json.loads(out), plot_continuum.read_continuum(registry, IMAGENET)
        assert [each["variant"] for each in printed["variants"]] == names(data.marks)
        assert [each["variant"] for each in printed["variants"] if each["pareto"]] == names(data.line)
        assert list(tmp_path.iterdir()) == []

    def test_nothing_to_draw_is_exit_3_and_no_file(self, call, tmp_path):
        code, out, err = call("--model", "pet-segmenter")
        assert (code, out) == (3, "")
        assert err == "zoo: nothing to draw: no variant of pet-segmenter has both a size and an accuracy\n"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (["--model", "imagenet"], "unknown model 'imagenet'"),
            (["--model", IMAGENET, "--out", "a.gif"], ".png or .svg"),
        ],
    )
    def test_what_makes_no_sense_is_one_line_and_exit_2(self, call, tmp_path, arguments, problem):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "")
        assert problem in err
        assert list(tmp_path.iterdir()) == []
