"""zoo predict and zoo calibrate: a variant, a table, a device of one's own; and what cannot be."""

import csv
import io
import json
import shutil

import pytest

from registry.reader import shipped_registry

NET = "mobilenet-v2-1.0-224-float32.tflite"
COLUMNS = "model,family,alpha,resolution,precision,params_m,macs_m,device,soc,runtime,processor,threads,latency_ms,mine"
ROWS = (
    "Mobilenet_V1_0.75_192,MobileNetV1,0.75,192,float32,2.6,233,Pixel 3,,TFLite,CPU,4,1.0,x",
    'a net nobody knows,,,224,float32,4.2,569,Pixel 3,,TFLite,CPU,4,9e9,"y, z"',
    "a net nobody knows,,,,,,,Pixel 3,,TFLite,CPU,4,,",
    "Mobilenet_V1_0.75_192,MobileNetV1,0.75,192,float32,2.6,233,Pixel 3,,TFLite,abacus,4,1.0,",
    "Mobilenet_V1_0.75_192,MobileNetV1,0.75,192,float32,2.6,233,Phone of the future,Snapdragon 845,TFLite,CPU,4,1.0,",
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("\ufeff" + "\r\n".join([COLUMNS, *ROWS]) + "\r\n", encoding="utf-8")
    return path


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.db"
    shutil.copy(shipped_registry(), path)
    return path


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_variant_is_predicted_for_every_way_to_run_it(cli):
    result = cli("predict", NET, "--device", "pixel3", "--json")
    found = json.loads(result.out)
    assert (result.code, found["device"], found["variant"]) == (0, "pixel3", NET)
    for each in (one for one in found["predictions"] if one["latency_ms"]):
        latency = each["latency_ms"]
        assert 0 < latency["low"] <= latency["value"] <= latency["high"]
        assert latency["evidence"] == "predicted"
        assert latency["source"]
    assert {each["processor"] for each in found["predictions"]} >= {"cpu", "gpu"}


def test_one_way_is_predicted_in_words(cli):
    result = cli("predict", NET, "--device", "pixel3", "--processor", "gpu")
    assert result.code == 0
    assert "gpu, tflite" in result.out
    assert "cpu" not in result.out
    assert "measurements" in result.out


def test_a_way_that_the_device_lacks_is_no_error_but_no_answer(cli):
    result = cli("predict", NET, "--device", "pixel3", "--processor", "npu")
    assert result.code == 3
    assert "tflite" in result.out


def test_a_device_that_is_only_near_lends_no_measurements(cli, tmp_path):
    facts = tmp_path / "mine.json"
    core = {"cores": 4, "core": "Cortex-A76", "clock_hz": 2_800_000_000}
    facts.write_text(json.dumps({"kind": "phone", "name": "Mine", "cpu": [core]}))
    result = cli("predict", NET, "--profile", str(facts), "--processor", "cpu", "--json")
    assert result.code == 0
    sources = [each["latency_ms"]["source"] for each in json.loads(result.out)["predictions"]]
    assert not any("of this device" in each for each in sources)


def test_a_table_keeps_its_columns_and_gets_four(cli, table, tmp_path):
    out = tmp_path / "out.csv"
    result = cli("predict", "--table", str(table), "--out", str(out))
    assert result.code == 0
    assert "5 rows, 2 of them without a prediction" in result.out
    rows = read(out.read_text(encoding="utf-8"))
    assert list(rows[0]) == [*COLUMNS.split(","), "predicted_ms", "low_ms", "high_ms", "basis"]
    assert [each["mine"] for each in rows] == ["x", "y, z", "", "", ""]
    known, sized, vague, odd, future = rows
    for each in (known, sized, future):
        assert float(each["low_ms"]) <= float(each["predicted_ms"]) <= float(each["high_ms"])
    assert "of this device" in known["basis"]
    assert "of this device" not in future["basis"]
    assert [each["predicted_ms"] for each in (vague, odd)] == ["", ""]
    assert "abacus" in odd["basis"]


def test_the_truth_in_a_table_is_never_read(cli, table, tmp_path):
    answers = []
    for number, text in enumerate((table.read_text(), table.read_text().replace(",1.0,", ",777,"))):
        table.write_text(text)
        out = tmp_path / f"{number}.csv"
        assert cli("predict", "--table", str(table), "--out", str(out)).code == 0
        answers.append([each["predicted_ms"] for each in read(out.read_text())])
    assert answers[0] == answers[1]


def test_a_table_comes_and_goes_through_pipes(process, table):
    result = process("predict", "--table", "-", "--out", "-", stdin=table.read_bytes())
    assert result.code == 0
    assert len(read(result.out)) == 5
    assert "5 rows" in result.err


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "it is empty"),
        ("model,device\n", "it lacks the column processor"),
        ("model,device,processor,basis\n", "columns of the result already: basis"),
        ("model,device,processor,model\n", "more than one column model"),
        ("model,device,processor\na,b,cpu,d\n", "line 2 has 4 cells"),
        (b"\xff\xfe", "it cannot be read"),
        ('model,device,processor\n"a,b,cpu\n', "it cannot be read"),
    ],
)
def test_a_bad_table_is_refused_and_nothing_is_written(cli, tmp_path, text, wanted):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = cli("predict", "--table", str(path), "--out", str(out))
    assert (result.code, out.exists()) == (2, False)
    assert wanted in result.err


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--table", "IN"], "--out"),
        (["--table", "IN", "--out", "IN"], "--out is the table itself"),
        (["--table", "IN", "--out", "missing/out.csv"], "cannot write"),
        (["--table", "IN", "--out", "o.csv", "--device", "pixel3"], "leave out --device"),
        ([NET], "--device"),
        ([], "give a FILE"),
        (["no-such-net.tflite", "--device", "pixel3"], "unknown variant"),
        ([NET, "--device", "pixel3", "--runtime", "abacus"], "unknown runtime"),
    ],
)
def test_what_cannot_be_predicted_is_said_in_one_line(cli, table, tmp_path, monkeypatch, arguments, wanted):
    monkeypatch.chdir(tmp_path)
    result = cli("predict", *(str(table) if each == "IN" else each for each in arguments))
    assert result.code == 2
    assert wanted in result.err
    assert result.err.count("\n") == 1


def measured(factor):
    """Rows of a device's CPU in a runtime, all so many times as slow as predicted."""
    nets = (
        "0.25,128,0.47,14",
        "0.5,160,1.34,76",
        "0.75,192,2.59,233",
        "1.0,224,4.24,569",
        "1.0,128,4.24,186",
    )
    times = (2.0, 6.0, 16.0, 36.0, 12.0)
    rows = [
        f"Mobilenet_V1_{net.split(',')[0]}_{net.split(',')[1]},MobileNetV1,{net.split(',')[0]},{net.split(',')[1]},"
        f"float32,{net.split(',')[2]},{net.split(',')[3]},,,TFLite,CPU,1,{factor * ms}"
        for net, ms in zip(nets, times, strict=True)
    ]
    return "\n".join([COLUMNS.rpartition(",")[0], *rows]) + "\n"


def test_a_few_rows_of_a_device_move_what_is_predicted_for_it_and_say_so(cli, own, tmp_path):
    asked = (
        "predict",
        NET,
        "--device",
        "galaxy-a73-5g",
        "--processor",
        "cpu",
        "--runtime",
        "tflite",
        "--threads",
        "1",
    )
    values, errors = [], []
    for factor in (1, 8):
        rows, mine = tmp_path / "rows.csv", tmp_path / f"own-{factor}.db"
        rows.write_text(measured(factor))
        shutil.copy(own, mine)
        result = cli("calibrate", str(rows), "--device", "galaxy-a73-5g", "--registry", str(mine), "--json")
        assert result.code == 0
        errors.append(json.loads(result.out))
        found = json.loads(cli(*asked, "--registry", str(mine), "--json").out)["predictions"][0]["latency_ms"]
        values.append(found["value"])
        assert "5 measurements" in found["source"]
    assert 4 < values[1] / values[0] < 12
    assert errors[1]["median_error_now"] < errors[1]["median_error_before"] / 2
    assert errors[1]["skipped"] == errors[1]["repeated"] == []


def test_rows_without_a_use_are_named_and_repeated_ones_count(cli, own, tmp_path):
    rows = tmp_path / "rows.csv"
    lines = measured(1).splitlines()
    lines += [
        lines[1],
        lines[2].replace(",,,TFLite", ",Pixel 3,,TFLite"),
        lines[3].rpartition(",")[0] + ",-4",
    ]
    rows.write_text("\n".join(lines))
    result = cli("calibrate", str(rows), "--device", "galaxy-a73-5g", "--registry", str(own))
    assert result.code == 0
    assert "rows 7 ask" in result.out
    assert "row 8 is left out: its device is 'Pixel 3'" in result.out
    assert "row 9 is left out: latency_ms is '-4'" in result.out


def test_a_row_of_which_nothing_can_be_said_is_named_by_its_line(cli, own, tmp_path):
    rows = tmp_path / "rows.csv"
    lines = measured(1).splitlines()
    rows.write_text("\n".join([*lines[:2], "", "a net nobody knows,,,,,,,,,TFLite,CPU,1,3.5", *lines[2:]]))
    result = cli("calibrate", str(rows), "--device", "galaxy-a73-5g", "--registry", str(own))
    assert result.code == 0
    assert "row 4 is left out: neither parameters nor MACs are known" in result.out


def test_too_few_rows_change_nothing(cli, own, tmp_path):
    before, rows = own.read_bytes(), tmp_path / "rows.csv"
    rows.write_text("\n".join(measured(1).splitlines()[:3]))
    result = cli("calibrate", str(rows), "--device", "galaxy-a73-5g", "--registry", str(own))
    assert (result.code, own.read_bytes() == before) == (2, True)
    assert "2 of its rows can be used, but 3 or more are wanted" in result.err


def test_the_shipped_registry_is_not_calibrated(cli, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text(measured(1))
    result = cli("calibrate", str(rows), "--device", "galaxy-a73-5g")
    assert result.code == 2
    assert "--registry" in result.err


def test_a_microcontroller_is_predicted_from_rows_of_microcontrollers(cli):
    net = "ds-cnn-64_t4_f30_t1-spoken-digits-int8_per_tensor.tflite"
    times = {}
    for device in ("nucleo-l4r5zi", "nucleo-h7a3zi-q"):  # 120 and 280 MHz
        found = json.loads(cli("predict", net, "--device", device, "--json").out)["predictions"]
        known = {each["runtime"]: each["latency_ms"] for each in found if each["latency_ms"]}
        times[device] = known["stm32cube-ai"]["value"]
    assert times["nucleo-l4r5zi"] > 2 * times["nucleo-h7a3zi-q"] > 5


def test_an_accelerator_of_a_microcontroller_is_not_guessed(cli):
    found = json.loads(
        cli("predict", "resnet-8-32-int8-mlperf.tflite", "--device", "alif-ensemble-e7", "--json").out
    )
    npus = [each for each in found["predictions"] if each["processor"] == "npu"]
    assert npus
    assert all(each["latency_ms"] is None and "npu of microcontrollers" in each["reason"] for each in npus)
