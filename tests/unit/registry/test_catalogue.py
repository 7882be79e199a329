"""The text tables: how they are read, and what the shipped ones say."""

import csv
import io
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from registry.candidates import measured
from registry.catalogue import Catalogue, read_catalogue
from registry.catalogue.reading import read_tables
from registry.choice import pick
from registry.ranking import Request
from registry.rules import Budgets
from registry.values import Availability, Evidence, Measurement, Precision
from tests.builders import CPU, GPU, NNAPI, NPU
from zoo.errors import CatalogueError

# ---- reading ------------------------------------------------------------------------------------------------------

HEADERS = {
    name: next(csv.reader(io.StringIO(text)))
    for name, text in read_tables().items()
    if name != "left_out.csv"
}
ROWS = {
    "sources.csv": {"source": "page", "citation": "owner/project:page.md@commit", "year": "2020"},
    "models.csv": {
        "model": "classifier",
        "title": "A classifier",
        "task": "classification",
        "dataset": "pictures",
        "metric": "top1",
        "unit": "%",
        "higher_is_better": "yes",
        "default_max_latency_ms": "33",
    },
    "variants_google.csv": {
        "variant": "net.tflite",
        "model": "classifier",
        "net": "net",
        "family": "family",
        "alpha": "0.5",
        "precision": "int8",
        "format": "tflite",
        "weights": "ours",
        "size_bytes": "1000",
        "operators": "ADD CONV_2D",
        "source": "page",
    },
    "accuracies.csv": {
        "variant": "net.tflite",
        "metric": "top1",
        "value": "70.5",
        "dataset": "pictures",
        "samples": "50000",
        "evidence": "measured",
        "processor": "gpu",
        "device": "phone",
        "source": "page",
    },
    "measurements_google.csv": {
        "variant": "net.tflite",
        "device": "phone",
        "runtime": "tflite",
        "era": "2020",
        "processor": "cpu",
        "threads": "4",
        "latency_ms": "12.5",
        "source": "page",
    },
}
VARIANTS, MEASUREMENTS = "variants_google.csv", "measurements_google.csv"


def tables(**changes: list[dict[str, str]]) -> dict[str, str]:
    """Write small tables that make sense, one row each; ``changes`` gives a table other rows."""
    written = {}
    for name, row in ROWS.items():
        text = io.StringIO()
        writer = csv.DictWriter(text, HEADERS[name], lineterminator="\n")
        writer.writeheader()
        writer.writerows([{**row, **change} for change in changes.get(name.removesuffix(".csv"), [{}])])
        written[name] = text.getvalue()
    return written


def problems(found: dict[str, str]) -> str:
    with pytest.raises(CatalogueError) as refused:
        read_catalogue(found, {"phone"})
    return str(refused.value)


def test_tables_become_values():
    found = read_catalogue(tables(), {"phone"})
    (net,) = found.variants.values()
    assert (net.alpha, net.precision, net.operators, net.params) == (
        0.5,
        Precision.INT8,
        ("ADD", "CONV_2D"),
        None,
    )
    assert net.availability is Availability.CATALOGUED
    (known,) = net.accuracies
    assert (known.value, known.samples, known.processor) == (70.5, 50_000, GPU)
    (row,) = found.measurements
    assert (row.latency_ms, row.threads, row.energy_mj, row.excluded) == (12.5, 4, None, "")
    assert row.evidence is Evidence.MEASURED
    assert found.models["classifier"].higher_is_better
    assert found.sources["page"].year == 2020


BAD = [
    pytest.param("sources", {"citation": ""}, "sources.csv line 2: citation is blank", id="no citation"),
    pytest.param("models", {"higher_is_better": "maybe"}, "'maybe', not yes or no", id="no direction"),
    pytest.param("models", {"default_max_latency_ms": ""}, "default_max_latency_ms", id="no default budget"),
    pytest.param("models", {"default_max_latency_ms": "0"}, "default_max_latency_ms", id="a default budget of zero"),
    pytest.param("variants_google", {"model": "detector"}, "model 'detector' is not known", id="unknown model"),
    pytest.param("variants_google", {"source": "book"}, "source 'book' is not known", id="unknown source"),
    pytest.param("variants_google", {"source": ""}, "source is blank", id="no source"),
    pytest.param("variants_google", {"precision": "int7"}, "precision is 'int7', not one of", id="unknown precision"),
    pytest.param("variants_google", {"size_bytes": "1.5"}, "size_bytes is '1.5', not a number", id="half a byte"),
    pytest.param("variants_google", {"size_bytes": "0"}, "size_bytes is '0'", id="no byte"),
    pytest.param("accuracies", {"variant": "nets"}, "variant 'nets' is not known", id="accuracy of no variant"),
    pytest.param("accuracies", {"value": ""}, "value is blank", id="no accuracy"),
    pytest.param("accuracies", {"evidence": "guessed"}, "'guessed', not measured or joined", id="guessed accuracy"),
    pytest.param("accuracies", {"device": "phones"}, "device 'phones' is not known", id="accuracy on no device"),
    pytest.param("measurements_google", {"variant": "nets"}, "variant 'nets' is not known", id="unknown variant"),
    pytest.param("measurements_google", {"device": "phones"}, "device 'phones' is not known", id="unknown device"),
    pytest.param("measurements_google", {"source": "book"}, "source 'book' is not known", id="measured in no source"),
    pytest.param("measurements_google", {"processor": "tpu"}, "processor is 'tpu', not one of", id="unknown processor"),
    pytest.param("measurements_google", {"processor": ""}, "processor is ''", id="no processor"),
    pytest.param("measurements_google", {"latency_ms": "fast"}, "latency_ms is 'fast', not a number", id="a word"),
    pytest.param("measurements_google", {"latency_ms": "-1"}, "latency_ms is '-1'", id="a negative latency"),
    pytest.param("measurements_google", {"latency_ms": "0"}, "latency_ms is '0'", id="no time at all"),
    pytest.param("measurements_google", {"latency_ms": "nan"}, "latency_ms is 'nan'", id="not a number"),
    pytest.param("measurements_google", {"latency_ms": "inf"}, "latency_ms is 'inf'", id="for ever"),
    pytest.param("measurements_google", {"latency_ms": ""}, "carries none of latency_ms", id="a row without a figure"),
    pytest.param("measurements_google", {"era": "20x0"}, "era is '20x0', not a number", id="no year"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "change", "words"), BAD)
def test_a_cell_that_makes_no_sense_is_named_with_its_line(table, change, words):
    found = problems(tables(**{table: [change]}))
    assert words in found
    assert f"{table}.csv line 2" in found


@pytest.mark.parametrize("table", ["sources", "models", "variants_google"])
def test_a_name_that_is_used_twice_is_refused(table):
    assert f"{table}.csv line 3: " in problems(tables(**{table: [{}, {}]}))
    assert "is already taken" in problems(tables(**{table: [{}, {}]}))


def test_a_variant_that_two_tables_name_is_refused():
    found = tables()
    assert "'net.tflite' is already taken" in problems({**found, "variants_other.csv": found[VARIANTS]})


@pytest.mark.parametrize("name", ROWS)
def test_other_columns_are_refused(name):
    found = tables()
    header, row = found[name].splitlines()
    missing = problems({**found, name: header.split(",", 1)[1] + "\n" + row.split(",", 1)[1] + "\n"})
    assert f"{name}: missing columns ['{header.split(',')[0]}'], unknown columns []" in missing
    extra = problems({**found, name: f"{header},colour\n{row},red\n"})
    assert f"{name}: missing columns [], unknown columns ['colour']" in extra


@pytest.mark.parametrize("change", [",", "\b"], ids=["a cell too many", "a cell too few"])
def test_a_row_of_another_length_than_its_header_is_refused(change):
    found = tables()
    header, row = found[MEASUREMENTS].splitlines()
    bent = f"{row}{change}" if change == "," else row.rsplit(",", 1)[0]
    assert f"{MEASUREMENTS} line 2" in problems({**found, MEASUREMENTS: f"{header}\n{bent}\n"})


def test_a_quote_that_never_closes_is_refused_as_a_table():
    found = tables()
    assert VARIANTS in problems({**found, VARIANTS: found[VARIANTS] + '"never closed\n'})


def test_all_problems_of_all_tables_are_named_at_once():
    found = problems(
        tables(
            sources=[{}, {}],
            models=[{"higher_is_better": ""}],
            variants_google=[{"source": "book"}],
            accuracies=[{"value": "much"}],
            measurements_google=[{"device": "phones", "latency_ms": "fast"}, {"processor": "tpu"}],
        )
    )
    for words in (
        "'page' is already taken",
        "higher_is_better",
        "'book'",
        "'much'",
        "'phones'",
        "'fast'",
        "'tpu'",
    ):
        assert words in found


def test_of_many_problems_the_first_are_shown_and_the_rest_counted():
    found = problems(tables(measurements_google=[{"device": f"phone-{number}"} for number in range(50)]))
    assert "and 30 more problems" in found
    assert "'phone-0'" in found
    assert "'phone-49'" not in found


def test_a_missing_table_leaves_what_refers_to_it_unknown():
    found = tables()
    del found["sources.csv"]
    assert "source 'page' is not known" in problems(found)


# ---- the shipped tables -------------------------------------------------------------------------------------------


def usable(shipped: Catalogue) -> list[Measurement]:
    return [row for row in shipped.measurements if not row.excluded]


def test_every_figure_has_a_source_with_a_citation(shipped):
    cited = {name for name, each in shipped.sources.items() if each.citation.strip()}
    assert {row.source for row in shipped.measurements} <= cited
    assert {each.source for each in shipped.variants.values()} <= cited
    assert {known.source for each in shipped.variants.values() for known in each.accuracies} <= cited


def test_every_measured_device_exists(shipped, devices):
    assert {row.device for row in shipped.measurements} <= devices.keys()


def test_every_model_has_a_default_latency_budget(shipped):
    assert all(each.default_max_latency_ms > 0 for each in shipped.models.values())
    wanted = {
        "imagenet-classifier": 33,
        "coco-detector": 100,
        "ade20k-segmenter": 100,
        "anomaly-detector": 200,
        "visual-wake-words": 200,
    }
    assert {name: shipped.models[name].default_max_latency_ms for name in wanted} == wanted


def test_no_candidate_mixes_eras(shipped, devices):
    groups = defaultdict(list)
    for row in usable(shipped):
        groups[row.device, shipped.variants[row.variant].model].append(row)
    assert len(groups) > 500
    mixed = []
    for (device, name), rows in groups.items():
        for each in measured(shipped.models[name], shipped.variants, rows):
            current = [row for row in each.rows if row.era == each.era]
            newest = max(
                row.era or 0 for row in each.rows if row.latency_ms is not None or each.latency is None
            )
            assert (each.era or 0) == newest
            figures = [
                ({row.latency_ms for row in current}, each.latency and each.latency.value),
                ({row.energy_mj for row in current}, each.energy_mj),
                ({row.flash_bytes for row in current}, each.flash_bytes),
                (
                    {row.ram_bytes for row in current} | {row.peak_memory_bytes for row in current},
                    each.memory_bytes,
                ),
            ]
            if any(value is not None and value not in known for known, value in figures):
                mixed.append((device, each.variant.name, each.era))
    assert mixed == []


def test_of_two_rows_of_one_era_the_slower_counts_everywhere(shipped):
    groups = defaultdict(list)
    for row in usable(shipped):
        if row.latency_ms is not None:
            groups[row.device, row.variant, row.processor, row.runtime, row.threads, row.cores].append(row)
    doubled = 0
    for (_, variant, *_), rows in groups.items():
        era = max(row.era or 0 for row in rows)
        current = [row for row in rows if (row.era or 0) == era]
        doubled += len(current) > 1
        (found,) = measured(shipped.models[shipped.variants[variant].model], shipped.variants, rows)
        assert found.latency
        assert found.latency.high == max(max(row.latency_ms, row.high_ms or 0) for row in current)
    assert doubled > 50


SLIPS = [
    pytest.param(
        lambda row: row.device == "nucleo-l4r5zi" and "nrf5340-dk" in row.source,
        4,
        "wrong device",
        id="runs of the nRF5340-DK that are filed under NUCLEO-L4R5ZI",
    ),
    pytest.param(
        lambda row: (
            row.source == "paddleclas-imagenet1k"
            and row.variant.startswith("shufflenet-v2-swish-1.0")
            and row.threads == 1
        ),
        1,
        "copy slip",
        id="PaddleClas ShuffleNetV2_swish on one thread",
    ),
    pytest.param(
        lambda row: row.source == "ncnn-benchmark" and "int8" in row.variant and row.processor is GPU,
        116,
        "mostly the CPU's time",
        id="int8 nets inside a Vulkan run of ncnn",
    ),
]


@pytest.mark.parametrize(("is_slip", "count", "reason"), SLIPS)
def test_a_known_slip_is_kept_but_never_used(shipped, is_slip, count, reason):
    slips = [row for row in shipped.measurements if is_slip(row)]
    assert len(slips) == count
    assert all(reason in row.excluded for row in slips)


def test_nothing_of_ncnn_that_computes_in_8_bits_counts_as_gpu(shipped):
    counted = [
        row
        for row in usable(shipped)
        if row.runtime == "ncnn"
        and row.processor is GPU
        and shipped.variants[row.variant].precision is Precision.INT8
    ]
    assert counted == []


PIXEL3_NET = "mobilenet-v1-1.0-224-float32.tflite"


def on_pixel3(shipped, name=PIXEL3_NET):
    rows = [row for row in shipped.measurements if (row.device, row.variant) == ("pixel3", name)]
    return measured(shipped.models["imagenet-classifier"], shipped.variants, rows)


def test_one_net_under_two_names_is_one_variant_and_the_slower_figure_counts(shipped):
    (found,) = [each for each in on_pixel3(shipped) if (each.processor, each.threads) == (CPU, 4)]
    assert found.latency
    assert (found.latency.value, found.era) == (24.0, 2020)
    assert sorted(row.latency_ms for row in found.rows if row.era == 2020) == [23.9, 24.0]
    assert [row.latency_ms for row in found.also] == [23.9]


def test_one_big_core_of_2019_and_four_threads_of_2020_are_different_candidates(shipped):
    both = Counter()
    for name in {row.variant for row in shipped.measurements if row.device == "pixel3"}:
        if shipped.variants[name].model == "imagenet-classifier":
            both.update(
                (each.cores, each.threads, each.era)
                for each in on_pixel3(shipped, name)
                if each.processor is CPU
            )
    groups = set(both)
    assert any(cores == "1 big" and era == 2019 for cores, _, era in groups)
    assert any(threads == 4 and era == 2020 for _, threads, era in groups)
    assert not any(cores == "1 big" and threads == 4 for cores, threads, _ in groups)


def test_rows_without_a_latency_make_candidates_without_one(shipped):
    untimed = [row for row in usable(shipped) if row.latency_ms is None]
    assert untimed
    for row in untimed:
        (found,) = measured(shipped.models[shipped.variants[row.variant].model], shipped.variants, [row])
        assert (found.latency, found.evidence) == (None, Evidence.NONE)


def test_no_energy_run_passes_for_a_performance_run(shipped):
    assert not [row for row in shipped.measurements if "/energy/" in row.place and row.latency_ms is not None]


def test_nets_with_random_weights_have_no_accuracy(shipped):
    random = [each for each in shipped.variants.values() if not each.has_trained_weights]
    assert len(random) > 20
    assert [each.name for each in random if each.accuracies] == []


def test_a_joined_accuracy_is_never_an_int8_one_of_another_runtime(shipped):
    for each in shipped.variants.values():
        for known in each.accuracies:
            if known.evidence == "joined" and each.precision is Precision.INT8:
                runtimes = {row.runtime for row in shipped.measurements if row.variant == each.name}
                assert not runtimes or known.runtime in {"", *runtimes}, each.name


def test_percentages_of_operators_are_no_counts_of_layers(shipped):
    st = [row for row in shipped.measurements if row.source.startswith("stm32")]
    assert len(st) >= 180
    assert {(row.layers_npu, row.layers_gpu, row.layers_cpu) for row in st} == {(None, None, None)}


PIXEL3_CHECKS = [
    pytest.param(
        {"max_latency_ms": 15, "processors": (CPU,)},
        "mobilenet-v2-1.0-224-int8.tflite",
        CPU,
        12.0,
        70.8,
        id="CPU, 15 ms",
    ),
    pytest.param({"max_latency_ms": 10}, "mobilenet-v2-1.0-224-float32.tflite", GPU, 6.2, 71.8, id="10 ms"),
    pytest.param(
        {"max_latency_ms": 5, "processors": (NNAPI,)},
        "mobilenet-v1-1.0-160-int8.tflite",
        NNAPI,
        4.6,
        66.9,
        id="NNAPI, 5 ms",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("budgets", "name", "processor", "latency_ms", "top1"), PIXEL3_CHECKS)
def test_the_published_figures_of_the_pixel_3_give_these_picks(
    shelf_of, devices, budgets, name, processor, latency_ms, top1
):
    shelf = shelf_of("imagenet-classifier", "pixel3")
    found = pick(shelf, devices["pixel3"], Request(Budgets(**budgets, evidence=Evidence.MEASURED))).pick
    assert found
    assert found.latency
    assert found.accuracy
    assert (found.variant.name, found.processor) == (name, processor)
    assert (found.latency.value, found.accuracy.value, found.era) == (latency_ms, top1, 2020)


def test_the_neural_core_of_a_pixel_4_is_not_lent_to_other_phones_with_its_soc(shelf_of, devices):
    request = Request(Budgets(processors=(NPU,)))
    for model in ("imagenet-classifier", "coco-detector"):
        assert pick(shelf_of(model, "mi9"), devices["mi9"], request).pick is None


def test_a_bare_pick_of_a_measured_phone_answers_for_its_classifier_and_names_the_era(shelf_of, devices):
    for device in ("pixel3", "pixel1", "galaxy-s24-ultra", "iphone12"):
        if device in devices:
            found = pick(shelf_of("imagenet-classifier", device), devices[device], Request()).pick
            assert found, device


# ---- what was left out --------------------------------------------------------------------------------------------

PUBLISHED = {  # rows of a published table, by the prefix of their sources here
    "MLPerf Tiny results": ("mlperf-tiny-", 408),
    "ncnn benchmark": ("ncnn-benchmark", 5642),
}
PUBLISHED_ROWS = 14_006  # of all tables with measurements together
NO_MEASUREMENTS = {"AI Hub accuracies", "AI Hub model pages"}


def left_out() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(read_tables()["left_out.csv"])))


@pytest.mark.parametrize("table", PUBLISHED)
def test_rows_here_and_rows_left_out_add_up_to_what_was_published(shipped, table):
    prefix, total = PUBLISHED[table]
    here = sum(row.source.startswith(prefix) for row in shipped.measurements)
    assert here + sum(int(row["rows"]) for row in left_out() if row["table"] == table) == total


def test_all_measurements_and_all_that_was_left_out_add_up(shipped):
    gone = sum(int(row["rows"]) for row in left_out() if row["table"] not in NO_MEASUREMENTS)
    assert len(shipped.measurements) + gone == PUBLISHED_ROWS


def test_whatever_was_left_out_says_why():
    assert all(row["reason"] and row["device_or_model"] and int(row["rows"]) > 0 for row in left_out())


def test_no_row_is_there_twice(shipped):
    plain = Counter(replace(row, note="") for row in shipped.measurements)
    assert [row for row, count in plain.items() if count > 1] == []
