"""The command line, as scripts and people see it: exit codes, the JSON contract, one line for each error."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import typer.main

from registry.reader import shipped_registry
from zoo.cli import app

IMAGENET = "imagenet-classifier"
INT8 = "mobilenet-v2-1.0-224-int8.tflite"
FLOAT = "mobilenet-v2-1.0-224-float32.tflite"
SHOWN = ("pick", "--model", IMAGENET, "--device", "pixel3", "--evidence", "measured")
NOTHING_FITS = ("pick", "--model", IMAGENET, "--device", "pixel3", "--max-latency-ms", "0.001")


def strictly(text: str) -> object:
    """Parse JSON as the standard has it: no NaN, no infinity, no key twice."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)


def assert_refused(result, code: int, *wanted: str) -> None:
    """One line on standard error, nothing on standard output, no traceback."""
    assert result.code == code, result
    assert result.out == ""
    assert result.err.startswith("zoo: "), result.err
    assert result.err.count("\n") == 1
    assert result.err.endswith("\n")
    assert "Traceback" not in result.err
    assert all(each in result.err for each in wanted), result.err


def assert_plain(text: str) -> None:
    """Nothing that only a terminal understands, and no blanks at the ends of lines."""
    assert "\x1b" not in text
    assert not re.search(r"[\u2500-\u257f]", text)
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


# the three checks of the pick


@pytest.mark.parametrize(
    ("budgets", "variant", "processor", "latency_ms", "accuracy"),
    [
        pytest.param(
            ("--max-latency-ms", "15", "--processor", "cpu"), INT8, "cpu", 12, 70.8, id="15 ms on the CPU"
        ),
        pytest.param(("--max-latency-ms", "10"), FLOAT, "gpu", 6.2, 71.8, id="10 ms anywhere"),
        pytest.param(
            ("--max-latency-ms", "5", "--processor", "nnapi"),
            "mobilenet-v1-1.0-160-int8.tflite", "nnapi", 4.6, 66.9, id="5 ms with NNAPI",
        ),
    ],
)  # fmt: skip
def test_the_pick_for_a_pixel_3(process, budgets, variant, processor, latency_ms, accuracy):
    result = process(*SHOWN, *budgets, "--json")
    assert (result.code, result.err) == (0, "")
    (pick,) = strictly(result.out)["picks"]
    assert (pick["variant"], pick["processor"]) == (variant, processor)
    assert (pick["latency_ms"]["value"], pick["latency_ms"]["evidence"]) == (latency_ms, "measured")
    assert (pick["accuracy"]["value"], pick["accuracy"]["metric"]) == (accuracy, "top1")


def test_the_pick_in_words_names_variant_latency_accuracy_and_source(process):
    result = process(*SHOWN, "--max-latency-ms", "15", "--processor", "cpu")
    assert (result.code, result.err) == (0, "")
    for wanted in ("Google Pixel 3 (pixel3)", INT8, "12 ms", "70.8", "measured", "hosted_models.md"):
        assert wanted in result.out


# every command

ANSWERS = [
    pytest.param(("pick", "--device", "pixel3"), 0, id="pick for every model"),
    pytest.param(("pick", "--device", "pixel3", "--model", IMAGENET), 0, id="pick for one model"),
    pytest.param(("pick", "-d", "Pixel 3", "-m", IMAGENET), 0, id="pick with short options"),
    pytest.param(("pick", "--device", "pixel3", "--task", "image-classification"), 0, id="pick for a task"),
    pytest.param((*SHOWN, "--explain"), 0, id="pick with reasons"),
    pytest.param((*SHOWN, "--evidence", "same-soc"), 0, id="pick from measurements of the chip"),
    pytest.param((*SHOWN, "--evidence", "field"), 0, id="pick from telemetry or better"),
    pytest.param((*SHOWN, "--evidence", "predicted"), 0, id="pick from predictions or better"),
    pytest.param((*SHOWN, "--threads", "4"), 0, id="pick with four threads"),
    pytest.param((*SHOWN, "--format", "tflite", "--processor", "cpu,gpu"), 0, id="pick of two processors"),
    pytest.param((*SHOWN, "--max-size", "5MB", "--min-accuracy", "70"), 0, id="pick of a small file"),
    pytest.param((*SHOWN, "--objective", "latency"), 0, id="pick of the fastest"),
    pytest.param((*SHOWN, "--objective", "size"), 0, id="pick of the smallest"),
    pytest.param((*SHOWN, "--optimistic"), 0, id="pick for an optimist"),
    pytest.param(("pick", "--device", "sdm845", "--model", IMAGENET), 0, id="pick for a chip"),
    pytest.param(NOTHING_FITS, 3, id="pick when nothing is fast enough"),
    pytest.param((*SHOWN, "--processor", "npu"), 3, id="pick on a processor the device lacks"),
    pytest.param((*SHOWN, "--available"), 3, id="pick of held files where none is held"),
    pytest.param((*SHOWN, "--max-memory", "1B"), 3, id="pick in no memory"),
    pytest.param((*SHOWN, "--max-energy-mj", "0.001"), 3, id="pick without energy"),
    pytest.param((*SHOWN, "--min-accuracy", "99.9"), 3, id="pick of the impossible"),
    pytest.param(("devices",), 0, id="devices"),
    pytest.param(("devices", "--kind", "mcu", "--tier", "high"), 0, id="devices of a kind"),
    pytest.param(("devices", "--soc", "Snapdragon 845"), 0, id="devices with a chip"),
    pytest.param(("devices", "show", "pixel3"), 0, id="a device"),
    pytest.param(("devices", "show", "nucleo-l4r5zi"), 0, id="a microcontroller"),
    pytest.param(("models",), 0, id="models"),
    pytest.param(("models", "show", IMAGENET), 0, id="a model"),
    pytest.param(("variants", "voc-detector"), 0, id="variants"),
    pytest.param(("plan", INT8), 0, id="a plan"),
    pytest.param(("diff", INT8, FLOAT, "--device", "pixel3"), 0, id="a difference"),
    pytest.param(("portfolio", IMAGENET), 0, id="a portfolio"),
    pytest.param(
        ("portfolio", IMAGENET, "--devices", "pixel3,pixel4", "--within", "2"), 0, id="for two devices"
    ),
    pytest.param(("portfolio", IMAGENET, "--devices", "nucleo-l4r5zi"), 3, id="a portfolio for nobody"),
]


@pytest.mark.parametrize(("arguments", "code"), ANSWERS)
def test_a_command_answers_in_plain_words(cli, arguments, code):
    result = cli(*arguments)
    assert (result.code, result.err) == (code, "")
    assert result.out.strip()
    assert_plain(result.out)


@pytest.mark.parametrize(("arguments", "code"), ANSWERS)
def test_a_command_answers_in_json(cli, arguments, code):
    result = cli(*arguments, "--json")
    assert (result.code, result.err) == (code, "")
    assert strictly(result.out)


def test_a_command_that_is_asked_twice_says_the_same(cli):
    for arguments in ((*SHOWN, "--explain", "--json"), ("portfolio", "voc-detector", "--json")):
        assert cli(*arguments) == cli(*arguments)


def test_every_command_of_the_contract_exists():
    commands = typer.main.get_command(app).commands
    wanted = {"pick", "devices", "models", "variants", "plan", "diff", "portfolio", "rebuild"}
    assert wanted <= set(commands)
    assert {"show"} <= set(commands["devices"].commands)
    assert {"show"} <= set(commands["models"].commands)


def test_every_read_command_has_json_and_registry():
    for path, each in every_command():
        if path and path[0] not in {"rebuild", "plot", "serve"}:
            options = {name for parameter in each.params for name in parameter.opts}
            assert {"--json", "--registry"} <= options, path


# the JSON contract


def test_the_json_of_a_pick_keeps_the_contract(cli):
    answer = strictly(cli(*SHOWN, "--max-latency-ms", "15", "--processor", "cpu", "--json").out)
    assert set(answer) == {"device", "budgets", "objective", "picks", "unanswered"}
    assert answer["device"] == {
        "id": "pixel3", "name": "Google Pixel 3", "soc": "Snapdragon 845", "matched_by": "id",
    }  # fmt: skip
    assert answer["budgets"] == {
        "max_latency_ms": 15, "processors": ["cpu"], "available": False, "evidence": "measured",
    }  # fmt: skip
    assert answer["objective"] == "accuracy"
    (pick,) = answer["picks"]
    assert {
        "model", "variant", "artifact", "processor", "runtime", "era", "threads", "latency_ms", "accuracy",
        "runner_up", "fallbacks",
    } <= set(pick)  # fmt: skip
    assert (pick["model"], pick["runtime"], pick["era"], pick["threads"]) == (IMAGENET, "tflite", 2020, 4)
    assert {"format", "availability", "size_bytes", "sha256", "url"} <= set(pick["artifact"])
    assert (pick["artifact"]["format"], pick["artifact"]["availability"]) == ("tflite", "catalogued")
    latency = pick["latency_ms"]
    assert (latency["value"], latency["low"], latency["high"]) == (12.0, 12.0, 12.0)
    assert latency["evidence"] == "measured"
    assert latency["source"]
    accuracy = pick["accuracy"]
    assert (accuracy["dataset"], accuracy["samples"]) == ("imagenet-1k/validation", 50_000)
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert pick["runner_up"]["variant"] != pick["variant"]
    assert pick["fallbacks"][-1]["processor"] == "cpu"


def test_the_json_of_a_pick_names_all_budgets_that_were_set(cli):
    answer = strictly(
        cli(
            *SHOWN, "--max-latency-ms", "15", "--max-size", "5MB", "--max-memory", "256KiB",
            "--max-energy-mj", "2", "--min-accuracy", "70", "--format", "tflite", "--format", "onnx",
            "--threads", "2", "--available", "--optimistic", "--objective", "size", "--json",
        ).out
    )  # fmt: skip
    assert answer["objective"] == "size"
    assert answer["budgets"] == {
        "max_latency_ms": 15.0, "max_size_bytes": 5_000_000, "max_memory_bytes": 262_144, "max_energy_mj": 2.0,
        "min_accuracy": 70.0, "formats": ["tflite", "onnx"], "threads": 2, "optimistic": True,
        "available": True, "evidence": "measured",
    }  # fmt: skip


def test_rejected_comes_only_with_explain_and_gives_a_reason_each(cli):
    assert "rejected" not in strictly(cli(*SHOWN, "--json").out)
    rejected = strictly(cli(*SHOWN, "--explain", "--json").out)["rejected"]
    assert len(rejected) > 10
    for each in rejected:
        assert {"model", "variant", "processor", "reasons"} <= set(each)
        assert each["reasons"]
        assert all(each["reasons"])


def test_what_nothing_fits_says_why_and_what_would_do(cli):
    result = cli(*NOTHING_FITS, "--json")
    answer = strictly(result.out)
    assert (result.code, answer["picks"]) == (3, [])
    (unanswered,) = answer["unanswered"]
    assert (unanswered["model"], unanswered["relax"]["budget"]) == (IMAGENET, "max_latency_ms")
    assert unanswered["reason"]
    value = str(unanswered["relax"]["value"])
    assert cli(*NOTHING_FITS[:-1], value).code == 0


def test_without_a_model_every_model_is_answered_or_unanswered_once(cli):
    answer = strictly(cli("pick", "--device", "pixel3", "--json").out)
    named = [each["model"] for each in (*answer["picks"], *answer["unanswered"])]
    known = [each["model"] for each in strictly(cli("models", "--json").out)]
    assert sorted(named) == sorted(known)


def test_a_chip_is_matched_by_soc_and_nothing_is_measured(cli):
    asked = ("pick", "--device", "sdm845", "--model", IMAGENET, "--json")
    answer = strictly(cli(*asked, "--evidence", "same-soc").out)
    assert answer["device"]["matched_by"] == "soc"
    assert "same_soc" in answer["device"]
    assert [each["latency_ms"]["evidence"] for each in answer["picks"]] == ["same-soc"]


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        pytest.param(
            ("devices",),
            {"id", "name", "kind", "tier", "year", "soc", "processors", "measurements"},
            id="devices",
        ),
        pytest.param(("models",), {"model", "task", "dataset", "metric", "unit", "variants"}, id="models"),
        pytest.param(
            ("variants", IMAGENET),
            {"variant", "format", "size_bytes", "sha256", "availability", "accuracy", "precision", "params"},
            id="variants",
        ),
    ],
)
def test_lists_are_arrays_of_objects_with_these_keys(cli, arguments, keys):
    found = strictly(cli(*arguments, "--json").out)
    assert isinstance(found, list)
    assert len(found) > 10
    assert all(keys <= set(each) for each in found)


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        pytest.param(
            ("devices", "show", "pixel3"),
            {"id", "name", "kind", "tier", "soc", "aliases", "supports", "cited", "matched_by", "measured"},
            id="a device",
        ),
        pytest.param(("models", "show", IMAGENET), {"model", "task", "metric", "variants"}, id="a model"),
        pytest.param(("plan", INT8), {"variant", "model", "devices"}, id="a plan"),
        pytest.param(
            ("diff", INT8, FLOAT, "--device", "pixel3"),
            {"device", "model", "variants", "ways"},
            id="a difference",
        ),
        pytest.param(
            ("portfolio", IMAGENET, "--devices", "pixel3"),
            {"model", "cover", "served_by", "best_accuracy", "dominated", "front", "gaps"},
            id="a portfolio",
        ),
    ],
)
def test_documents_are_objects_with_these_keys(cli, arguments, keys):
    assert keys <= set(strictly(cli(*arguments, "--json").out))


def test_a_plan_names_every_device_once_and_reasons_for_the_rest(cli):
    lines = strictly(cli("plan", INT8, "--json").out)["devices"]
    known = [each["id"] for each in strictly(cli("devices", "--json").out)]
    assert sorted(each["device"] for each in lines) == sorted(known)
    assert all(each["runs"] == (not each["reasons"]) for each in lines)


# profiles


@pytest.mark.parametrize("device", ["pixel3", "iphone12pro", "nucleo-l4r5zi", "raspberry-pi-4b"])
def test_a_shown_device_is_accepted_as_a_profile(cli, tmp_path, device):
    shown = cli("devices", "show", device, "--json").out
    path = tmp_path / "probe.json"
    path.write_text(shown, encoding="utf-8")
    by_profile = strictly(cli("pick", "--profile", str(path), "--json").out)
    by_name = strictly(cli("pick", "--device", device, "--json").out)
    assert by_profile == by_name


def test_a_profile_is_read_from_standard_input(process):
    result = process("pick", "--profile", "-", "--model", IMAGENET, "--json", stdin=b'{"name": "Pixel 3"}')
    assert strictly(result.out)["device"]["id"] == "pixel3"


def test_the_nearest_device_is_labelled_and_lends_no_measurements(cli, tmp_path):
    path = tmp_path / "probe.json"
    core = {"cores": 4, "core": "Cortex-A76", "clock_hz": 2_800_000_000}
    path.write_text(json.dumps({"kind": "phone", "name": "Mine", "cpu": [core], "ram_bytes": 6 << 30}))
    result = cli("pick", "--profile", str(path), "--model", IMAGENET, "--json")
    answer = strictly(result.out)
    assert (result.code, answer["device"]["matched_by"]) == (0, "facts")
    assert [each["latency_ms"]["evidence"] for each in answer["picks"]] == ["predicted"]
    assert "of this device" not in answer["picks"][0]["latency_ms"]["source"]
    assert "the nearest known device" in cli("pick", "--profile", str(path), "--model", IMAGENET).out


BAD_PROFILES = [
    pytest.param("{", ("not JSON",), id="no JSON"),
    pytest.param("{}", ("no fact given",), id="no fact"),
    pytest.param("[1]", ("no JSON object",), id="a list"),
    pytest.param('{"colour": 1, "ram_bytes": "much"}', ("colour", "ram_bytes"), id="two problems"),
    pytest.param('{"ram_bytes": -5}', ("ram_bytes",), id="less than no memory"),
    pytest.param('{"cpu": [{"cores": -4, "core": "x", "clock_hz": 5}]}', ("cpu",), id="less than no cores"),
    pytest.param('{"memory": {"sram": -1}}', ("memory",), id="less than no region"),
    pytest.param('{"ram_bytes": 1' + "0" * 400 + "}", ("ram_bytes",), id="more memory than numbers reach"),
    pytest.param('{"ram_bytes": 1' + "0" * 5000 + "}", ("JSON",), id="a number of 5001 digits"),
    pytest.param("[" * 100_000, ("JSON",), id="brackets without end"),
    pytest.param('{"name": "Fairphone 99"}', ("Fairphone 99",), id="a name nobody knows and no more"),
]


@pytest.mark.parametrize(("text", "wanted"), BAD_PROFILES)
def test_a_bad_profile_is_refused(cli, tmp_path, text, wanted):
    path = tmp_path / "probe.json"
    path.write_text(text, encoding="utf-8")
    assert_refused(cli("pick", "--profile", str(path)), 2, *wanted)


def test_a_profile_that_is_not_there_is_refused(cli, tmp_path):
    path = tmp_path / "probe.json"
    assert_refused(cli("pick", "--profile", str(path)), 2, str(path), "No such file")


def test_bytes_that_are_no_text_on_standard_input_are_refused(process):
    result = process(
        "pick", "--profile", "-", stdin=b"\xff\xfe\x00", PYTHONUTF8="1", PYTHONIOENCODING="utf-8"
    )
    assert_refused(result, 2, "standard input")


# bad input

BAD_INPUT = [
    pytest.param(("pick", "--device", "pixel33"), ("unknown device 'pixel33'", "pixel3"), id="a device"),
    pytest.param(("pick", "--device", ""), ("unknown device ''",), id="an empty device"),
    pytest.param(
        ("pick", "--device", "Galaxy S24"),
        ("'galaxy-s24-exynos' and 'galaxy-s24-snapdragon'",),
        id="two devices",
    ),
    pytest.param(("pick", "--device", "two\nlines"), ("unknown device",), id="a device of two lines"),
    pytest.param((*SHOWN, "--model", "imagenet"), ("unknown model 'imagenet'",), id="a model"),
    pytest.param((*SHOWN, "--processor", "tpu"), ("unknown processor 'tpu'", "'npu'"), id="a processor"),
    pytest.param(
        (*SHOWN, "--processor", "cpu,tpu"), ("unknown processor 'tpu'",), id="one of two processors"
    ),
    pytest.param((*SHOWN, "--format", "tflit"), ("unknown format 'tflit'", "tflite"), id="a format"),
    pytest.param(
        (*SHOWN, "--evidence", "guessed"), ("unknown evidence 'guessed'", "measured"), id="evidence"
    ),
    pytest.param(
        (*SHOWN, "--objective", "speed"), ("unknown objective 'speed'", "latency"), id="an objective"
    ),
    pytest.param(
        ("pick", "--device", "pixel3", "--task", "cooking"), ("unknown task 'cooking'",), id="a task"
    ),
    pytest.param(("devices", "--kind", "fridge"), ("unknown kind of device 'fridge'", "phone"), id="a kind"),
    pytest.param(("devices", "--tier", "top"), ("unknown tier 'top'", "entry"), id="a tier"),
    pytest.param(("devices", "--soc", "qqqq"), ("unknown", "'qqqq'"), id="a chip"),
    pytest.param(("devices", "show", "pixel33"), ("unknown device 'pixel33'",), id="a device to show"),
    pytest.param(("models", "show", "imagenet"), ("unknown model 'imagenet'",), id="a model to show"),
    pytest.param(("variants", "imagenet"), ("unknown model 'imagenet'",), id="a model's variants"),
    pytest.param(("plan", INT8 + "x"), ("unknown variant", INT8), id="a variant to plan"),
    pytest.param(
        ("diff", INT8, "x", "--device", "pixel3"), ("unknown variant 'x'",), id="a variant to compare"
    ),
    pytest.param(
        ("diff", INT8, FLOAT, "--device", "x"), ("unknown device 'x'",), id="a device to compare on"
    ),
    pytest.param(("diff", INT8, FLOAT), ("--device",), id="no device to compare on"),
    pytest.param(("portfolio", "imagenet"), ("unknown model 'imagenet'",), id="a portfolio's model"),
    pytest.param(
        ("portfolio", IMAGENET, "--devices", "pixel3,x"), ("unknown device 'x'",), id="a portfolio's device"
    ),
    pytest.param(("portfolio", IMAGENET, "--within", "nan"), ("within",), id="points that are no number"),
    pytest.param(("portfolio", IMAGENET, "--within", "-1"), ("within",), id="less than no points"),
    pytest.param(("portfolio", IMAGENET, "--within", "few"), ("--within", "few"), id="points in words"),
    pytest.param((*SHOWN, "--max-latency-ms", "abc"), ("--max-latency-ms", "'abc'"), id="a latency in words"),
    pytest.param((*SHOWN, "--max-latency-ms", ""), ("--max-latency-ms",), id="an empty latency"),
    pytest.param((*SHOWN, "--max-latency-ms", "0"), ("max_latency_ms",), id="no latency"),
    pytest.param((*SHOWN, "--max-latency-ms", "-1"), ("max_latency_ms",), id="less than no latency"),
    pytest.param((*SHOWN, "--max-latency-ms", "inf"), ("max_latency_ms",), id="an infinite latency"),
    pytest.param((*SHOWN, "--max-latency-ms", "nan"), ("max_latency_ms",), id="a latency that is no number"),
    pytest.param((*SHOWN, "--max-latency-ms", "1e999"), ("max_latency_ms",), id="a latency too large"),
    pytest.param((*SHOWN, "--max-size", "5XB"), ("--max-size", "'5XB'", "5MB"), id="a size of a new unit"),
    pytest.param((*SHOWN, "--max-size", "-1"), ("--max-size",), id="less than no size"),
    pytest.param((*SHOWN, "--max-size", "0"), ("--max-size",), id="no size"),
    pytest.param((*SHOWN, "--max-size", "nan"), ("--max-size",), id="a size that is no number"),
    pytest.param((*SHOWN, "--max-size", "infMB"), ("--max-size",), id="an infinite size"),
    pytest.param((*SHOWN, "--max-size", "MB"), ("--max-size",), id="a unit without a number"),
    pytest.param((*SHOWN, "--max-memory", "much"), ("--max-memory", "'much'"), id="memory in words"),
    pytest.param((*SHOWN, "--max-energy-mj", "-2"), ("max_energy_mj",), id="less than no energy"),
    pytest.param((*SHOWN, "--max-energy-mj", "x"), ("--max-energy-mj",), id="energy in words"),
    pytest.param((*SHOWN, "--min-accuracy", "nan"), ("min_accuracy",), id="an accuracy that is no number"),
    pytest.param((*SHOWN, "--min-accuracy", "good"), ("--min-accuracy", "'good'"), id="an accuracy in words"),
    pytest.param(
        (*SHOWN, "--max-latency-ms", "-1", "--min-accuracy", "nan"),
        ("max_latency_ms", "min_accuracy"),
        id="two budgets at once",
    ),
    pytest.param((*SHOWN, "--threads", "0"), ("--threads",), id="no threads"),
    pytest.param((*SHOWN, "--threads", "two"), ("--threads",), id="threads in words"),
    pytest.param(("pick",), ("--device", "--profile"), id="neither a device nor a profile"),
    pytest.param(
        ("pick", "--device", "pixel3", "--profile", "x.json"), ("--device", "--profile"), id="both of them"
    ),
    pytest.param(("pick", "--device"), ("--device",), id="an option without its value"),
    pytest.param(("pick", "--devise", "pixel3"), ("--devise",), id="an unknown option"),
    pytest.param(("peck",), ("peck",), id="an unknown command"),
    pytest.param(("devices", "shew", "pixel3"), ("shew",), id="an unknown second word"),
    pytest.param(("devices", "show"), ("device",), id="no device to show"),
    pytest.param(("variants",), ("model",), id="no model"),
    pytest.param((*SHOWN, "surplus"), ("surplus",), id="one word too many"),
]


@pytest.mark.parametrize(("arguments", "wanted"), BAD_INPUT)
def test_bad_input_is_refused_in_one_line(cli, arguments, wanted):
    assert_refused(cli(*arguments), 2, *wanted)


@pytest.mark.parametrize(("arguments", "wanted"), [BAD_INPUT[0], BAD_INPUT[-4]])
def test_bad_input_is_refused_by_the_process_too(process, arguments, wanted):
    assert_refused(process(*arguments), 2, *wanted)


def test_variants_of_different_models_are_not_compared(cli):
    found = {each["model"]: each["variants"] for each in strictly(cli("models", "--json").out)}
    other = next(name for name in found if name != IMAGENET)
    variant = strictly(cli("variants", other, "--json").out)[0]["variant"]
    assert_refused(cli("diff", INT8, variant, "--device", "pixel3"), 2, IMAGENET, other)


@pytest.mark.parametrize(
    "location", ["https://zoo.example", "http://127.0.0.1:80", "postgresql+psycopg://zoo/db"]
)
def test_a_registry_that_is_no_file_is_refused(cli, location):
    assert_refused(cli("pick", "--device", "pixel3", "--registry", location), 2, location, "SQLite")


def test_a_registry_that_is_no_file_is_refused_by_the_process_too(process):
    assert_refused(process("models", ZOO_REGISTRY="https://zoo.example"), 2, "https://zoo.example")


# registries


def no_registry(path: Path) -> None:
    pass


def corrupt(path: Path) -> None:
    data = shipped_registry().read_bytes()
    path.write_bytes(data[: len(data) // 2])


def damaged(path: Path) -> None:
    path.write_bytes(shipped_registry().read_bytes().replace(b'"kind":"phone"', b'"kind":"phxne"'))


def newer(path: Path) -> None:
    shutil.copyfile(shipped_registry(), path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


@pytest.mark.parametrize("how", ["--registry", "ZOO_REGISTRY"])
@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        pytest.param(no_registry, "there is no registry at", id="missing"),
        pytest.param(Path.touch, "is not a registry", id="empty"),
        pytest.param(lambda path: path.write_text("hello"), "is damaged", id="of another kind"),
        pytest.param(corrupt, "is damaged", id="cut short"),
        pytest.param(damaged, "is damaged", id="damaged inside"),
        pytest.param(newer, "was written by a newer version", id="newer"),
    ],
)
def test_a_bad_registry_is_refused(cli, tmp_path, monkeypatch, make, wanted, how):
    path = tmp_path / "other.db"
    make(path)
    if how == "--registry":
        result = cli("pick", "--device", "pixel3", "--registry", str(path))
    else:
        monkeypatch.setenv("ZOO_REGISTRY", str(path))
        result = cli("pick", "--device", "pixel3")
        monkeypatch.delenv("ZOO_REGISTRY")
    assert_refused(result, 1, str(path), wanted)


def test_a_registry_of_a_name_too_long_is_refused(cli):
    assert_refused(cli("models", "--registry", "a" * 5000), 1)


@pytest.mark.parametrize("how", ["--registry", "ZOO_REGISTRY"])
def test_another_registry_is_read(process, tmp_path, how):
    path = tmp_path / "my registry.db"
    shutil.copyfile(shipped_registry(), path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE model SET title = 'Mine' WHERE name = ?", (IMAGENET,))
        connection.commit()
    if how == "--registry":
        result = process("models", "--json", "--registry", str(path))
    else:
        result = process("models", "--json", ZOO_REGISTRY=str(path))
    assert {each["model"]: each["title"] for each in strictly(result.out)}[IMAGENET] == "Mine"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("devices", "--registry", "missing.db", "show", "pixel3"), id="devices"),
        pytest.param(("models", "--registry", "missing.db", "show", IMAGENET), id="models"),
    ],
)
def test_a_registry_named_before_show_is_not_passed_over(cli, arguments):
    result = cli(*arguments)
    assert result.code in {1, 2}
    assert_refused(result, result.code)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("devices", "--json", "show", "pixel3"), id="json of a device"),
        pytest.param(("models", "--json", "show", IMAGENET), id="json of a model"),
        pytest.param(("devices", "--kind", "mcu", "show", "pixel3"), id="a filter"),
    ],
)
def test_an_option_before_show_is_refused_or_heeded(cli, arguments):
    result = cli(*arguments)
    if result.code:
        assert_refused(result, 2)
    else:
        assert isinstance(strictly(result.out), dict)


def test_a_rebuilt_registry_answers_like_the_shipped_one(process, tmp_path):
    result = process("rebuild", "--out", "new.db", PYTHONHASHSEED="7")
    assert (result.code, result.err) == (0, "")
    assert re.match(r"new\.db: \d+ devices, \d+ models, \d+ variants, ", result.out)
    assert [each.name for each in tmp_path.iterdir()] == ["new.db"]
    arguments = (*SHOWN, "--explain", "--json")
    assert process(*arguments, "--registry", "new.db") == process(*arguments)


def test_a_rebuild_into_a_missing_folder_is_refused(cli, tmp_path):
    assert_refused(cli("rebuild", "--out", str(tmp_path / "missing" / "zoo.db")), 1, "No such file")
    assert list(tmp_path.iterdir()) == []


# help, version, pipes


def every_command() -> list[tuple[tuple[str, ...], object]]:
    """Every command and group, with the words that call it."""
    found = [((), typer.main.get_command(app))]
    for path, each in found:
        found += [((*path, name), child) for name, child in getattr(each, "commands", {}).items()]
    return found


COMMANDS = [pytest.param(path, each, id=" ".join(("zoo", *path))) for path, each in every_command()]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_names_every_option_with_a_text(cli, path, command):
    result = cli(*path, "--help")
    assert (result.code, result.err) == (0, "")
    assert_plain(result.out)
    assert command.help
    assert all(name in result.out for name in getattr(command, "commands", {}))
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name
        assert all(option in result.out for option in parameter.opts if option.startswith("-"))
        assert " ".join(parameter.help.split())[:20] in " ".join(result.out.split())


def test_the_command_alone_shows_its_help(cli):
    result = cli()
    shown = result.out or result.err
    assert result.code in {0, 2}
    assert shown.splitlines() == cli("--help").out.splitlines()


@pytest.mark.parametrize("arguments", [("--help",), ("pick", "--help")])
def test_help_comes_from_the_process_too(process, arguments):
    result = process(*arguments)
    assert (result.code, result.err) == (0, "")
    assert result.out.lstrip().startswith("Usage: zoo")


def test_the_version_is_printed(process):
    result = process("--version")
    assert (result.code, result.err) == (0, "")
    assert re.fullmatch(r"device-zoo \d+\.\d+\.\d+\S*\n", result.out)


@pytest.mark.parametrize("colours", [{}, {"COLUMNS": "40"}, {"TERM": "xterm-256color"}, {"LC_ALL": "C"}])
def test_piped_output_is_plain_whatever_the_environment_says(process, cli, colours):
    result = process(*SHOWN, **colours)
    assert (result.code, result.err) == (0, "")
    assert_plain(result.out)
    assert result.out == cli(*SHOWN).out


def test_output_in_an_encoding_without_our_characters_is_no_crash(process):
    result = process("pick", "--device", "pixel3", "--model", IMAGENET, PYTHONIOENCODING="ascii")
    assert (result.code, result.err) == (0, "")
    assert "Google Pixel 3 (pixel3)" in result.out


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("pick", "--device", "pixel3"), id="a table"),
        pytest.param(("pick", "--device", "pixel3", "--json"), id="JSON"),
        pytest.param(("devices", "show", "pixel3"), id="a device"),
        pytest.param(("--help",), id="help"),
    ],
)
def test_a_reader_that_has_seen_enough_is_no_error(command, environment, arguments):
    zoo = subprocess.Popen(
        [*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    zoo.stdout.close()
    complaint = zoo.stderr.read()
    zoo.stderr.close()
    assert (zoo.wait(timeout=60), complaint) == (0, b"")


# what a command loads

FRAMEWORKS = {"torch", "tensorflow", "coremltools", "onnx", "onnxruntime", "numpy"}
WRITERS = {"sqlmodel", "sqlalchemy", "alembic", "matplotlib", "requests"}


def loaded_by(environment: dict[str, str], code: str) -> set[str]:
    """Top-level modules that a process has loaded after running ``code``."""
    report = "print(*sorted({each.partition('.')[0] for each in sys.modules}), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{report}"], env=environment, capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--help"], id="help"),
        pytest.param(["pick", "--device", "pixel3"], id="pick"),
        pytest.param(["pick", "--device", "pixel3", "--json"], id="pick as JSON"),
        pytest.param(["devices", "show", "pixel3"], id="a device"),
        pytest.param(["portfolio", IMAGENET, "--devices", "pixel3"], id="a portfolio"),
    ],
)
def test_reading_loads_no_framework_and_nothing_that_writes(environment, arguments):
    loaded = loaded_by(environment, f"from zoo.cli import run\nassert run({arguments!r}) == 0")
    assert loaded & (FRAMEWORKS | WRITERS) == set()


def test_help_loads_no_pydantic(environment):
    assert "pydantic" not in loaded_by(environment, "from zoo.cli import run\nassert run(['--help']) == 0")


def test_choosing_for_a_known_device_loads_no_pydantic_of_its_own(environment):
    code = (
        "from zoo import actions\n"
        "from registry.ranking import Request\n"
        "with actions.open_registry(None) as registry:\n"
        "    assert actions.pick(registry, actions.find_device(registry, 'pixel3'), Request()).answered\n"
    )
    assert loaded_by(environment, code) & ({"pydantic", "typer", "rich"} | FRAMEWORKS | WRITERS) == set()


@pytest.mark.parametrize(
    ("arguments", "close"),
    [
        (("models", "show", "imagenet-clasifier"), IMAGENET),
        (("pick", "--device", "pixel3", "--model", "imagenet-clasifier"), IMAGENET),
        (("plan", INT8.replace("mobilenet", "mobilnet")), INT8),
    ],
)
def test_a_name_that_is_nearly_right_gets_the_right_one(cli, arguments, close):
    result = cli(*arguments)
    assert result.code == 2
    assert f"Did you mean '{close}'" in result.err
