"""The page of the claims says what the runs gave, and nothing else."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILE = {
    "kind": "files", "group": "lenet-300-100", "net": "float", "name": "lenet_t9", "seed": 0, "precision": "float32",
    "accuracy": 90.0, "samples": 10_000, "kernels": "litert 1 (xnnpack)", "size_bytes": 8, "params": 2, "macs": 2,
    "points": 0.0, "low": 0.0, "high": 0.0,
}  # fmt: skip
PACKED = {
    "kind": "container", "group": "lenet-300-100", "net": "shared", "name": "lenet_t9_k5", "seed": 0,
    "result": {"container_bytes": 20, "float_bytes": 1000, "weights": 250, "weights_kept": 20},
}  # fmt: skip


@pytest.fixture(scope="module")
def claims_page():
    spec = importlib.util.spec_from_file_location("claims_page", ROOT / "benchmarks" / "claims_page.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "claims_page", module)  # dataclasses look for it there
        spec.loader.exec_module(module)
        yield module


def row(page, start):
    (found,) = [each for each in page.splitlines() if each.startswith(f"| {start}")]
    return found


def shared(seed, points):
    return FILE | {"net": "shared", "name": "lenet_t9_k5", "seed": seed, "accuracy": 90 + points, "points": points,
                   "low": points - 0.3, "high": points + 0.3}  # fmt: skip


def test_the_page_is_that_of_the_results(claims_page):
    found = json.loads((ROOT / "docs" / "claims.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    assert page == claims_page.page([each for some in found.values() for each in some])


def test_without_results_every_row_says_that_it_was_not_run(claims_page):
    page = claims_page.page([])
    assert page.count(f"| {claims_page.NOT_RUN} |") == len(claims_page.claims())
    assert "reached" not in page


@pytest.mark.parametrize(
    ("story", "points", "packed_bytes", "verdict"),
    [
        ("small and as good", 0.1, 20, "**reached**"),
        ("small and worse", -0.5, 20, "**missed**"),
        ("small, and nobody knows", -0.1, 20, "**unresolved**"),
        ("as good and large", 0.1, 30, "**missed**"),
    ],
)
def test_a_ratio_counts_only_without_a_loss(claims_page, story, points, packed_bytes, verdict):
    packed = PACKED | {"result": PACKED["result"] | {"container_bytes": packed_bytes}}
    page = claims_page.page([FILE, shared(0, points), packed])
    assert verdict in row(page, "Deep compression of LeNet-300-100"), story
    assert f"{1000 / packed_bytes:.1f}x" in page


def test_several_seeds_show_their_mean_and_their_spread(claims_page):
    floats = [FILE | {"seed": seed} for seed in range(2)]
    page = claims_page.page([*floats, shared(0, 0.2), shared(1, 0.8), PACKED])
    found = row(page, "Deep compression of LeNet-300-100")
    assert "90.50 (90.20 to 90.80) % against 90.00 (90.00 to 90.00) % float" in found
    assert (
        "+0.50 (+0.20 to +0.80) points, 1 of 2 unresolved; 2 seeds, n = 10,000, litert 1 (xnnpack)" in found
    )


def test_where_int8_is_slower_the_page_says_so(claims_page):
    result = {"net": "resnet-8", "ratio": 2.5, "low": 2.0, "high": 3.0, "rounds": 15, "kernels": "k"}
    slow = result | {"net": "mobilenet-v3", "ratio": 0.5, "low": 0.4, "high": 0.6}
    page = claims_page.page([{"kind": "int8", "net": each["net"], "result": each} for each in (result, slow)])
    assert "**reached**: resnet-8 2.50x, mobilenet-v3 0.50x; int8 is slower on mobilenet-v3" in page


def spoken(name, size_bytes, arena_bytes, accuracy):
    return {
        "kind": "spoken", "name": name, "size_bytes": size_bytes, "arena_bytes": arena_bytes, "accuracy": accuracy,
        "samples": 3000, "kernels": "litert 1 (xnnpack)",
    }  # fmt: skip


def test_of_the_variants_that_fit_a_microcontroller_the_most_accurate_is_told(claims_page):
    variants = [
        spoken("small", 12_000, 9_000, 85.0), spoken("good", 19_999, 30_000, 88.0),
        spoken("large", 20_001, 9_000, 91.0), spoken("hungry", 19_000, 30_001, 92.0),
    ]  # fmt: skip
    found = row(claims_page.page(variants), "Wake words")
    assert "**reached**: good, 19,999 bytes of flash for the model and 30,000 bytes of arena, 88.0 %" in found
    assert "**missed**: no variant fits" in row(claims_page.page(variants[2:]), "Wake words")


def test_a_student_is_compared_with_the_teacher_of_another_architecture(claims_page):
    teacher = FILE | {"group": "vgg-11", "params": 1000}
    student = teacher | {"net": "student", "points": -1.5, "low": -2.0, "high": -1.0, "accuracy": 88.5}
    packed = PACKED | {"group": "vgg-11", "net": "student"}
    packed["result"] = packed["result"] | {"container_bytes": 50}
    found = row(claims_page.page([teacher, student, packed]), "Quantized distillation")
    assert "**reached**: 80x smaller than its teacher; 88.50 % against 90.00 % float, -1.50 points" in found


def test_few_bits_are_compared_with_the_float_net_of_their_group(claims_page):
    whole = FILE | {"group": "vgg"}
    four = whole | {"net": "four", "accuracy": 89.8, "points": -0.2, "low": -0.5, "high": 0.1}
    two = whole | {"net": "two", "accuracy": 87.0, "points": -3.0, "low": -3.5, "high": -2.5}
    int8 = four | {"net": "float", "precision": "int8"}
    page = claims_page.page([whole, four, two, int8])
    assert "**reached**: 89.80 % against 90.00 % float, -0.20 points" in row(page, "8 bits after training")
    assert "**reached**: 89.80 % against 90.00 % float, -0.20 points" in row(page, "4 bits")
    assert "**missed**: 87.00 % against 90.00 % float, -3.00 points, 0 of 1 unresolved" in row(page, "2 bits")
