"""Operations with weights or windows: convolutions, pools, products, normalizations, recurrent layers, attention."""

from math import floor

from converters.inspection.coreml.nodes import Operation
from converters.inspection.coreml.shapes.elementwise import like
from converters.inspection.coreml.shapes.terms import (
    Rule,
    axis_of,
    broadcast,
    floating,
    require,
    tensor,
    type_of,
)
from converters.inspection.coreml.value_types import ValueType


def norm(operation: Operation) -> list[ValueType]:
    """Normalization over channels: one number a channel."""
    shape = type_of(operation, "x").shape
    for name in ("mean", "variance", "gamma", "beta"):
        if name in operation.arguments:
            have = type_of(operation, name)
            require(
                len(have.shape) == 1 and shape[1] in {None, have.shape[0]},
                f"{name} is {have} for x of {shape}",
            )
    floating(operation, "x", "mean", "variance", "gamma", "beta")
    return like(operation)


def layer_norm(operation: Operation) -> list[ValueType]:
    """Normalization over axes."""
    shape = type_of(operation, "x").shape
    axes = sorted(axis_of(each, len(shape)) for each in operation.given("axes", list(range(len(shape)))))
    wanted = tuple(shape[each] for each in axes)
    for name in ("gamma", "beta"):
        if name in operation.arguments:
            have = type_of(operation, name).shape
            fits = len(have) == len(wanted) and all(
                None in {one, other} or one == other for one, other in zip(have, wanted, strict=True)
            )
            require(fits, f"{name} has shape {have}, wanted {wanted}")
    floating(operation, "x", "gamma", "beta")
    return like(operation)


def windows(
    operation: Operation, kernel: list[int], strides: list[int], dilations: list[int]
) -> list[int | None]:
    """Lengths that windows leave of the spatial axes of ``x``; of convolutions and pools."""
    lengths = type_of(operation, "x").shape[2:]
    kind, pad = operation.given("pad_type", "valid"), operation.given("pad", [0] * len(kernel) * 2)
    ceil = bool(operation.given("ceil_mode", default=False))
    require(
        len(lengths) == len(kernel) == len(strides) == len(dilations) > 0, f"windows {kernel} over {lengths}"
    )
    require(kind in {"valid", "same", "same_lower", "custom"}, f"pad_type is '{str(kind)[:40]}'")
    require(len(pad) == 2 * len(kernel) and min(pad) >= 0, f"pad is {pad}")
    require(
        min(kernel) > 0 and min(strides) > 0 and min(dilations) > 0,
        f"windows {kernel}, {strides}, {dilations}",
    )
    found: list[int | None] = []
    for axis, length in enumerate(lengths):
        if length is None:
            found.append(None)
            continue
        stride, reach = strides[axis], (kernel[axis] - 1) * dilations[axis] + 1
        edges = pad[2 * axis] + pad[2 * axis + 1] if kind == "custom" else 0
        if kind.startswith("same"):
            edges = max(0, -(-length // stride) * stride - length + reach - stride)
        out = floor((length + edges - reach + (stride - 1) * ceil) / stride) + 1
        if ceil and edges > 0 and (out - 1) * stride >= length + edges / 2:
            out -= 1
        require(out > 0, f"windows {kernel} leave nothing of {lengths}")
        found.append(out)
    return found


def conv(operation: Operation) -> list[ValueType]:
    """Convolution over one to three axes."""
    data, weight = type_of(operation, "x"), type_of(operation, "weight")
    floating(operation, "x", "weight", "bias")
    kernel = [each or 0 for each in weight.shape[2:]]
    groups = operation.given("groups", 1)
    ones = [1] * len(kernel)
    given, taken = data.shape[1], weight.shape[1]
    require(
        groups > 0 and given in {None, (taken or 0) * groups},
        f"{given} channels, the weight takes {groups} x {taken}",
    )
    require((weight.shape[0] or 0) % groups == 0, f"{weight.shape[0]} outputs in {groups} groups")
    bias(operation, weight.shape[0])
    strides, dilations = operation.given("strides", ones), operation.given("dilations", ones)
    return [
        tensor(data.dtype, (data.shape[0], weight.shape[0], *windows(operation, kernel, strides, dilations)))
    ]


def bias(operation: Operation, outputs: int | None) -> None:
    """Check that a bias has one number an output."""
    if "bias" in operation.arguments:
        have = type_of(operation, "bias").shape
        require(have == (outputs,), f"a bias of shape {have} for {outputs} outputs")


def conv_transpose(operation: Operation) -> list[ValueType]:
    """Transposed convolution."""
    data, weight = type_of(operation, "x"), type_of(operation, "weight")
    floating(operation, "x", "weight", "bias")
    lengths, kernel = data.shape[2:], [each or 0 for each in weight.shape[2:]]
    ones = [1] * len(kernel)
    groups, kind = operation.given("groups", 1), operation.given("pad_type", "valid")
    strides, dilations = operation.given("strides", ones), operation.given("dilations", ones)
    pad = operation.given("pad", [0] * len(kernel) * 2) if kind == "custom" else [0] * len(kernel) * 2
    require(data.shape[1] in {None, weight.shape[0]}, f"x of {data.shape} for a weight of {weight.shape}")
    require(kind in {"valid", "same", "custom"}, f"pad_type is '{str(kind)[:40]}'")
    require(
        len(lengths) == len(kernel) == len(strides) == len(dilations) == len(pad) // 2, f"x of {data.shape}"
    )
    outputs = (weight.shape[1] or 0) * groups
    bias(operation, outputs)
    wanted = operation.given("output_shape")
    if wanted is not None:
        require(len(wanted) == len(data.shape) and wanted[1] == outputs, f"output_shape is {wanted}")
        return [tensor(data.dtype, wanted)]
    found: list[int | None] = []
    for axis, length in enumerate(lengths):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        grown = (
            None
            if length is None
            else strides[axis] * (length - 1) + reach - pad[2 * axis] - pad[2 * axis + 1]
        )
        found.append(grown if kind != "same" or length is None else strides[axis] * length)
    return [tensor(data.dtype, (data.shape[0], outputs, *found))]


def pool(operation: Operation) -> list[ValueType]:
    """Pooling over windows."""
    data, kernel = type_of(operation, "x"), operation.given("kernel_sizes")
    floating(operation, "x")
    ones = [1] * len(kernel)
    return [
        tensor(
            data.dtype, (*data.shape[:2], *windows(operation, kernel, operation.given("strides", ones), ones))
        )
    ]


def linear(operation: Operation) -> list[ValueType]:
    """A matrix of constants times a value."""
    data, weight = type_of(operation, "x"), type_of(operation, "weight")
    require(len(weight.shape) == 2, f"the weight is {weight}")  # noqa: PLR2004 - a matrix
    require(
        None in {data.shape[-1], weight.shape[1]} or data.shape[-1] == weight.shape[1],
        f"x {data}, weight {weight}",
    )
    floating(operation, "x", "weight", "bias")
    bias(operation, weight.shape[0])
    return [tensor(data.dtype, (*data.shape[:-1], weight.shape[0]))]


def matmul(operation: Operation) -> list[ValueType]:
    """The product of two values, batches broadcast."""
    one, other = list(type_of(operation, "x").shape), list(type_of(operation, "y").shape)
    require(type_of(operation, "x").dtype == type_of(operation, "y").dtype, "x and y have other types")
    if operation.given("transpose_x", default=False):
        one[-2:] = one[:-3:-1]
    if operation.given("transpose_y", default=False):
        other[-2:] = other[:-3:-1]
    flat = len(one) == 1
    rows: list[int | None] = [1, *one] if flat else one
    require(None in {rows[-1], other[-2]} or rows[-1] == other[-2], f"x {one} and y {other} do not multiply")
    shape = (*broadcast(tuple(rows[:-2]), tuple(other[:-2])), rows[-2], other[-1])
    return [tensor(type_of(operation, "x").dtype, shape[1:] if flat else shape)]


def recurrent(gates: int, states: int) -> Rule:
    """A recurrent layer; ``states`` counts the last states that it gives besides the sequence."""

    def rule(operation: Operation) -> list[ValueType]:
        data, hidden = type_of(operation, "x"), type_of(operation, "weight_hh")
        direction = operation.given("direction", "forward")
        ways = 2 if direction == "bidirectional" else 1
        require(direction in {"forward", "reverse", "bidirectional"}, f"direction is '{str(direction)[:40]}'")
        require(ways == 1 or "weight_hh_back" in operation.arguments, "it has no weights for the way back")
        steps, batch, features = data.shape
        rows, size = hidden.shape
        require(rows == gates * (size or 0), f"weight_hh is {hidden}")
        taken = type_of(operation, "weight_ih").shape
        require(
            (taken[0] == rows and None in {taken[1], features}) or taken[1] == features,
            f"weight_ih is {taken}",
        )
        wide = ways * (size or 0)
        length = steps if operation.given("output_sequence", default=False) else 1
        return [tensor(data.dtype, (length, batch, wide)), *[tensor(data.dtype, (batch, wide))] * states]

    return rule


def attention(operation: Operation) -> list[ValueType]:
    """Attention over queries, keys and values."""
    query, key, value = (type_of(operation, each) for each in ("query", "key", "value"))
    floating(operation, "query", "key", "value")
    require(len(query.shape) == len(key.shape) == len(value.shape) > 2, f"{query}, {key}, {value}")  # noqa: PLR2004
    for one, other in ((query.shape[-1], key.shape[-1]), (key.shape[-2], value.shape[-2])):
        require(None in {one, other} or one == other, f"{query}, {key} and {value} do not fit")
    batches = {each.shape[:-2] for each in (query, key, value) if None not in each.shape}
    require(len(batches) <= 1, f"{query}, {key} and {value} have other batches")
    return [tensor(query.dtype, (*query.shape[:-1], value.shape[-1]))]


def upsample(operation: Operation) -> list[ValueType]:
    """An image grown by factors."""
    data = type_of(operation, "x")
    factors = [operation.given(f"scale_factor_{each}", 1) for each in ("height", "width")]
    require(len(data.shape) > 2 and min(factors) > 0, f"factors {factors} for x {data}")  # noqa: PLR2004 - images
    spatial = (
        None if one is None else floor(one * two) for one, two in zip(data.shape[-2:], factors, strict=True)
    )
    return [tensor(data.dtype, (*data.shape[:-2], *spatial))]


def resize(operation: Operation) -> list[ValueType]:
    """An image brought to a size."""
    data = type_of(operation, "x")
    spatial = [operation.given(f"target_size_{each}", 1) for each in ("height", "width")]
    require(len(data.shape) > 2 and min(spatial) > 0, f"a size of {spatial} for x {data}")  # noqa: PLR2004 - images
    return [tensor(data.dtype, (*data.shape[:-2], *spatial))]
