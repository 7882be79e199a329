"""zoo backtest: what predictions are worth, on the graphics processors of the registry, which take seconds."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from registry.reader import Reader, shipped_registry
from zoo import plots
from zoo.backtesting import CASES, Case, is_phone

pytest.importorskip("scipy")

from zoo.backtesting_picks import PICKED, groups, picks
from zoo.backtesting_rows import backtest
from zoo.plot_backtest import pictures
from zoo.views.backtest_page import page

GPU = ("backtest", "--processor", "gpu")


@pytest.fixture(scope="module")
def report():
    """Rows, and picks on phones by case and on all devices."""
    with Reader(shipped_registry()) as registry:
        found = backtest(registry, (), ("gpu",), lambda _: None)
        every = groups(registry, found.held)
    return found, [picks(every, case, is_phone) for case in PICKED], picks(every, PICKED[0], lambda _: True)


def test_every_case_is_told_in_words(cli):
    result = cli(*GPU)
    assert (result.code, result.err) == (0, "")
    for case in Case:
        assert re.search(rf"^{case} +gpu, ncnn +\d+ +[\d.]+ % +[\d.]+ % +\d+ %$", result.out, re.MULTILINE), (
            case
        )
        assert CASES[case] in result.out
    assert "high end of the interval" in result.out


def test_the_document_has_shares_and_counts(cli):
    result = cli(*GPU, "--json")
    assert result.code == 0
    found = json.loads(result.out)
    assert set(found["cases"]) == set(Case)
    for each in [*found["by_runtime"], *found["by_device"]]:
        assert each["rows"] > 0
        assert 0 <= each["median_error"] <= each["ninetieth_error"]
        assert 0 <= each["coverage"] <= 1
    rows = [
        sum(each["rows"] for each in found[by] if each["case"] == "device")
        for by in ("by_runtime", "by_device")
    ]
    assert rows[0] == rows[1] <= found["rows"]
    for each in found["picks"]:
        for point in each["all_nets"]["points"]:
            assert 0 <= point["overruns"] <= 1
            assert point["answered_regret"] >= 0
            assert point["regret"] >= point["unanswered"] * 10  # the least accurate net has more


def test_caution_trades_overruns_for_regret(report):
    _, (new, *_), _ = report
    bold, careful = new.known.points[0].worth, new.known.points[-1].worth
    assert bold.overruns > careful.overruns
    assert bold.regret < careful.regret


def test_one_device_and_one_case(cli):
    result = cli(*GPU, "--device", "pixel3", "--case", "net", "--json")
    found = json.loads(result.out)
    assert set(found["cases"]) == {"net"}
    assert {each["device"] for each in found["by_device"]} == {"pixel3"}
    assert found["picks"] == []


def test_a_net_whose_size_nobody_states_is_refused_and_never_picked(report):
    found, (new, *_), _ = report
    refused = [each for each in found.held if Case.NEW_NET not in each.guesses]
    assert refused
    for each in refused:
        assert each.predicted_ms(Case.NEW_NET) == float("inf")
        assert each.variant.params is each.variant.macs is None
    names = {each.variant.name for each in refused}
    group = next(each for each in new.groups if any(net.name in names for net in each.nets))
    assert not any(one.pick and one.pick.name in names for one in group.outcomes(Case.NEW_NET, 0.0))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--case", "moon"), 2, "unknown case 'moon'"),
        (("--processor", "abacus"), 2, "abacus"),
        (("--device", "nobody-knows-it"), 2, "unknown device"),
        (("--out", "no/such/folder"), 2, "no/such/folder"),
        (("--out", ".", "--device", "pixel3", "--json"), 2, "leave out --device, --json"),
    ],
)
def test_bad_usage_is_one_line(cli, arguments, code, says):
    result = cli("backtest", *arguments)
    assert (result.code, result.out) == (code, "")
    assert says in result.err
    assert result.err.count("\n") == 1


def test_a_device_that_the_model_does_not_know_is_no_answer(cli):
    result = cli(*GPU, "--device", "nucleo-l4r5zi")
    assert (result.code, result.out) == (3, "")
    assert "no such row" in result.err


def test_a_registry_without_the_measurements_of_its_model_is_refused(cli, tmp_path):
    own = tmp_path / "own.db"
    with sqlite3.connect(shipped_registry()) as shipped, sqlite3.connect(own) as copy:
        shipped.backup(copy)
        copy.execute("DELETE FROM measurement WHERE device = 'pixel3' AND processor = 'gpu'")
    result = cli(*GPU, "--registry", str(own))
    assert result.code == 1
    assert re.search(r"lacks \d+ of the measurements.*zoo rebuild", result.err)
    with sqlite3.connect(own) as copy:
        copy.execute("DELETE FROM predictor")
    result = cli(*GPU, "--registry", str(own))
    assert result.code == 1
    assert "no model of latencies" in result.err


def test_the_page_has_a_table_of_whole_rows_everywhere(report):
    text = page(report[0], report[1], report[2])
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert len(tables) > 5
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table
    assert "nan" not in text.lower().split()
    assert {f"backtest-{name}.png" for name in ("scatter", "coverage", "devices", "regret")} == set(
        re.findall(r"pictures/(\S+?)\)", text)
    )


@pytest.mark.long
def test_the_shipped_page_is_what_the_shipped_model_says():
    with Reader(shipped_registry()) as registry:
        found = backtest(registry, (), (), lambda _: None)
        every = groups(registry, found.held)
    phones = [picks(every, case, is_phone) for case in PICKED]
    shipped = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")
    assert shipped == page(found, phones, picks(every, PICKED[0], lambda _: True)), "run: make backtest"


@pytest.mark.plot
def test_the_pictures_are_drawn(report, tmp_path):
    found, (new, *_), everything = report
    drawn = pictures(found, new, everything)
    assert set(drawn) == {"scatter", "coverage", "devices", "regret"}
    for name, data in drawn.items():
        path = tmp_path / f"{name}.png"
        plots.save(data, path)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000
