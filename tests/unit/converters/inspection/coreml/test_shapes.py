"""The rules of what operations give, held against coremltools: one program of many operations.

What coremltools builds must be read; the same program with any length or type of any output changed must not.
"""

import logging
import warnings
from importlib.util import find_spec

import pytest

np = pytest.importorskip("numpy", reason="numpy comes with the extra 'inspect'")
if find_spec("coremltools") is None:
    pytest.skip("coremltools comes with the extra 'coreml'", allow_module_level=True)

from converters.inspection import coreml as reader  # noqa: E402
from converters.inspection.coreml import shapes  # noqa: E402
from converters.inspection.reading import UnreadableError  # noqa: E402

pytestmark = pytest.mark.convert

IMAGE, SEQUENCE, MATRIX = (1, 4, 6, 8), (5, 1, 3), (3, 5)


def half(*shape):
    return np.random.RandomState(0).randn(*shape).astype(np.float32)


def lstm(mb, x):
    state, weight = half(1, 8), half(16, 3)
    return mb.lstm(
        x=x, initial_h=state, initial_c=state, weight_ih=weight, weight_hh=half(16, 4), weight_ih_back=weight,
        weight_hh_back=half(16, 4), direction="bidirectional", output_sequence=True,
    )  # fmt: skip


def quantize(mb, x):
    return mb.dequantize(input=mb.quantize(input=x, scale=0.1, output_dtype="int8"), scale=0.1)


def gru(mb, x):
    return mb.gru(x=x, initial_h=half(1, 4), weight_ih=half(12, 3), weight_hh=half(12, 4))


# Operation: shape of x, and how it is called with coremltools' builder.
CALLS = {
    "relu": (IMAGE, lambda mb, x: mb.relu(x=x)),
    "abs": (IMAGE, lambda mb, x: mb.abs(x=x)),
    "leaky_relu": (IMAGE, lambda mb, x: mb.leaky_relu(x=x, alpha=0.1)),
    "prelu": (IMAGE, lambda mb, x: mb.prelu(x=x, alpha=half(4))),
    "clip": (IMAGE, lambda mb, x: mb.clip(x=x, alpha=0.0, beta=1.0)),
    "softmax": (IMAGE, lambda mb, x: mb.softmax(x=x, axis=1)),
    "gelu": (IMAGE, lambda mb, x: mb.gelu(x=x, mode="EXACT")),
    "add": (IMAGE, lambda mb, x: mb.add(x=x, y=half(6, 1))),
    "mul": (IMAGE, lambda mb, x: mb.mul(x=x, y=half(1, 4, 1, 1))),
    "greater": (IMAGE, lambda mb, x: mb.greater(x=x, y=half(8))),
    "select": (IMAGE, lambda mb, x: mb.select(cond=mb.greater(x=x, y=0.0), a=x, b=half(1))),
    "cast": (IMAGE, lambda mb, x: mb.cast(x=x, dtype="int32")),
    "batch_norm": (IMAGE, lambda mb, x: mb.batch_norm(x=x, mean=half(4), variance=half(4) ** 2, gamma=half(4))),
    "instance_norm": (IMAGE, lambda mb, x: mb.instance_norm(x=x, gamma=half(4), beta=half(4))),
    "layer_norm": (IMAGE, lambda mb, x: mb.layer_norm(x=x, axes=[-1], gamma=half(8), beta=half(8))),
    "l2_norm": (IMAGE, lambda mb, x: mb.l2_norm(x=x)),
    "conv": (IMAGE, lambda mb, x: mb.conv(x=x, weight=half(6, 2, 3, 3), groups=2, pad_type="same", strides=[2, 1])),
    "conv 1": ((1, 4, 9), lambda mb, x: mb.conv(x=x, weight=half(6, 4, 3), dilations=[2], pad_type="valid")),
    "conv 3": ((1, 2, 5, 6, 7), lambda mb, x: mb.conv(x=x, weight=half(3, 2, 2, 2, 2), pad_type="custom", pad=[1] * 6)),
    "conv_transpose": (IMAGE, lambda mb, x: mb.conv_transpose(x=x, weight=half(4, 3, 4, 4), strides=[2, 2], groups=2)),
    "max_pool": (IMAGE, lambda mb, x: mb.max_pool(x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="same")),
    "avg_pool": (
        IMAGE,
        lambda mb, x: mb.avg_pool(
            x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[1] * 4, ceil_mode=True
        ),
    ),
    "linear": (MATRIX, lambda mb, x: mb.linear(x=x, weight=half(7, 5), bias=half(7))),
    "matmul": (MATRIX, lambda mb, x: mb.matmul(x=x, y=x, transpose_y=True)),
    "lstm": (SEQUENCE, lstm),
    "gru": (SEQUENCE, gru),
    "upsample_nearest_neighbor": (IMAGE, lambda mb, x: mb.upsample_nearest_neighbor(x=x, scale_factor_width=3)),
    "upsample_bilinear": (IMAGE, lambda mb, x: mb.upsample_bilinear(x=x, scale_factor_height=1.5)),
    "resize_bilinear": (IMAGE, lambda mb, x: mb.resize_bilinear(x=x, target_size_height=9, target_size_width=11)),
    "reshape": (IMAGE, lambda mb, x: mb.reshape(x=x, shape=[0, -1, 3])),
    "transpose": (IMAGE, lambda mb, x: mb.transpose(x=x, perm=[0, -1, 1, 2])),
    "squeeze": (IMAGE, lambda mb, x: mb.squeeze(x=x, axes=[0])),
    "expand_dims": (IMAGE, lambda mb, x: mb.expand_dims(x=x, axes=[-3])),
    "concat": (IMAGE, lambda mb, x: mb.concat(values=[x, mb.relu(x=x), half(1, 2, 6, 8)], axis=-3)),
    "stack": (IMAGE, lambda mb, x: mb.stack(values=[x, mb.relu(x=x)], axis=1)),
    "split": (IMAGE, lambda mb, x: mb.split(x=x, split_sizes=[1, 3], axis=1)),
    "split evenly": (IMAGE, lambda mb, x: mb.split(x=x, num_splits=2, axis=-1)),
    "reduce_mean": (IMAGE, lambda mb, x: mb.reduce_mean(x=x, axes=[2, -1], keep_dims=True)),
    "reduce_max": (IMAGE, lambda mb, x: mb.reduce_max(x=x, axes=[1], keep_dims=False)),
    "reduce_argmax": (IMAGE, lambda mb, x: mb.reduce_argmax(x=x, axis=1, keep_dims=False)),
    "pad": (IMAGE, lambda mb, x: mb.pad(x=x, pad=[1, 2, 0, 3], mode="reflect")),
    "gather": (IMAGE, lambda mb, x: mb.gather(x=x, indices=np.array([[0, 2], [1, 1]], np.int32), axis=1)),
    "slice_by_index": (
        IMAGE,
        lambda mb, x: mb.slice_by_index(
            x=x, begin=[0, 1, 5, 0], end=[1, 3, 0, 0], stride=[1, 1, -2, 1], end_mask=[False, False, True, True],
            squeeze_mask=[True, False, False, False],
        ),
    ),
    "tile": (IMAGE, lambda mb, x: mb.tile(x=x, reps=[1, 2, 1, 3])),
    "topk": (IMAGE, lambda mb, x: mb.topk(x=x, k=2, axis=1)),
    "pixel_shuffle": (IMAGE, lambda mb, x: mb.pixel_shuffle(x=x, upscale_factor=2)),
    "depth_to_space": (IMAGE, lambda mb, x: mb.depth_to_space(x=x, block_size=2)),
    "space_to_depth": (IMAGE, lambda mb, x: mb.space_to_depth(x=x, block_size=2)),
    "quantize": (IMAGE, quantize),
    "scaled_dot_product_attention": (IMAGE, lambda mb, x: mb.scaled_dot_product_attention(query=x, key=x, value=x)),
    "shape": (IMAGE, lambda mb, x: mb.add(x=mb.shape(x=mb.relu(x=x)), y=np.int32(1))),
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """One program of all these operations, made by coremltools: its package and its message."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings(action="ignore"):
        import coremltools  # noqa: PLC0415 - seconds
        from coremltools.converters.mil import Builder as mb  # noqa: N813, PLC0415 - its name in every example

        inputs = list(dict.fromkeys(shape for shape, _ in CALLS.values()))
        specs = [mb.TensorSpec(shape=each) for each in inputs]

        @mb.program(input_specs=specs, opset_version=coremltools.target.iOS18)
        def program(a, b, c, d, e):
            given = dict(zip(inputs, (a, b, c, d, e), strict=True))
            for shape, call in CALLS.values():
                call(mb, given[shape])
            return mb.relu(x=a)

        model = coremltools.convert(
            program,
            convert_to="mlprogram",
            minimum_deployment_target=coremltools.target.iOS18,
            compute_precision=coremltools.precision.FLOAT32,
            pass_pipeline=coremltools.PassPipeline.EMPTY,
            skip_model_load=True,
        )
        folder = tmp_path_factory.mktemp("built") / "m.mlpackage"
        model.save(str(folder))
    logging.disable(logging.NOTSET)
    return folder, model.get_spec()


def test_operations_give_what_coremltools_says(built):
    folder, _ = built
    kinds = {each.kind for each in reader.read(folder).graph.operators}
    assert kinds <= set(shapes.RULES)
    assert {name.split()[0] for name in CALLS} <= kinds


def test_operations_give_nothing_else(built):
    folder, spec = built
    model = folder / "Data/com.apple.CoreML/model.mlmodel"
    function = spec.mlProgram.functions["main"]
    for operation in function.block_specializations[function.opset].operations:
        if operation.type == "const":
            continue
        for kind in [each.type.tensorType for each in operation.outputs]:
            kept = type(kind)()
            kept.CopyFrom(kind)
            for place in range(-1, len(kind.dimensions)):
                if place < 0:
                    kind.dataType = 13  # bfloat16, which none of these gives
                else:
                    kind.dimensions[place].constant.size += 1
                model.write_bytes(spec.SerializeToString())
                with pytest.raises(UnreadableError, match=rf"\({operation.type}\).* is declared as"):
                    reader.read(folder)
                kind.CopyFrom(kept)


def test_every_rule_is_held_against_coremltools_or_shares_one_that_is():
    tried = {shapes.RULES[name.split()[0]] for name in CALLS}
    apart = {"read_state", "write_state", "classify", "rnn", "pixel_unshuffle", "dequantize"}
    apart |= {"logical_and", "logical_or", "logical_xor"}
    assert {kind for kind, rule in shapes.RULES.items() if rule not in tried} <= apart
