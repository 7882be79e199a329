"""Operations that move, join, cut, repeat or reduce values."""

from math import floor, prod

from converters.inspection.coreml.nodes import Operation
from converters.inspection.coreml.shapes.elementwise import CASTS
from converters.inspection.coreml.shapes.terms import Rule, Shape, agree, axis_of, require, tensor, type_of
from converters.inspection.coreml.value_types import ValueType


def reshape(operation: Operation) -> list[ValueType]:
    """The same elements in another shape; -1 takes what is left, 0 keeps a length, counted from the last axis."""
    data, wanted = type_of(operation, "x"), operation.given("shape")
    if wanted is None:
        return [tensor(data.dtype, (None,) * (type_of(operation, "shape").shape[0] or 0))]
    before = len(data.shape) - len(wanted)
    require(before == 0 or 0 not in wanted or operation.version >= 8, f"shape is {wanted}")  # noqa: PLR2004 - iOS 17
    kept = [data.shape[axis + before] if axis + before >= 0 else 1 for axis in range(len(wanted))]
    shape = [length if each == 0 else each for length, each in zip(kept, wanted, strict=True)]
    require(shape.count(-1) <= 1 and min(wanted, default=0) >= -1, f"shape is {wanted}")
    known = [each for each in shape if each is not None]
    if len(known) < len(shape) or data.count is None:
        return [tensor(data.dtype, (None if each == -1 else each for each in shape))]
    rest = abs(prod(known))
    if -1 in known:
        require(rest > 0 and data.count % rest == 0, f"x {data} does not reshape to {wanted}")
        known[known.index(-1)] = data.count // rest
    require(prod(known) == data.count, f"x {data} does not reshape to {wanted}")
    return [tensor(data.dtype, known)]


def transpose(operation: Operation) -> list[ValueType]:
    """Axes in another order."""
    data = type_of(operation, "x")
    order = [axis_of(each, len(data.shape)) for each in operation.given("perm")]
    require(sorted(order) == list(range(len(data.shape))), f"perm is {order} for x {data}")
    return [tensor(data.dtype, (data.shape[each] for each in order))]


def squeeze(operation: Operation) -> list[ValueType]:
    """Axes of one left out."""
    data = type_of(operation, "x")
    axes = operation.given("axes")
    if axes is None:
        return [tensor(data.dtype, (each for each in data.shape if each != 1))]
    gone = {axis_of(each, len(data.shape)) for each in axes}
    require(all(data.shape[each] in {1, None} for each in gone), f"axes {axes} of x {data}")
    return [tensor(data.dtype, (each for axis, each in enumerate(data.shape) if axis not in gone))]


def expand_dims(operation: Operation) -> list[ValueType]:
    """Axes of one put in."""
    data, axes = type_of(operation, "x"), operation.given("axes")
    rank = len(data.shape) + len(axes)
    shape = list(data.shape)
    for axis in sorted(axis_of(each, rank) for each in axes):
        shape.insert(axis, 1)
    return [tensor(data.dtype, shape)]


def several(operation: Operation) -> list[ValueType]:
    """The types of ``values``, which are all alike."""
    types = [each.type for each in operation.arguments.get("values", ())]
    require(
        bool(types) and len({(each.dtype, len(each.shape)) for each in types}) == 1,
        "its values have other types",
    )
    return types


def concat(operation: Operation) -> list[ValueType]:
    """Values joined along an axis."""
    types = several(operation)
    axis = axis_of(operation.given("axis"), max(len(types[0].shape), 1))
    if not types[0].shape:
        return [tensor(types[0].dtype, (len(types),))]
    shape: Shape = (*types[0].shape[:axis], 1, *types[0].shape[axis + 1 :])
    for each in types[1:]:
        other = (*each.shape[:axis], 1, *each.shape[axis + 1 :])
        fits = all(None in {one, two} or one == two for one, two in zip(shape, other, strict=True))
        require(fits, f"{types[0]} and {each} do not join along axis {axis}")
        shape = tuple(two if one is None else one for one, two in zip(shape, other, strict=True))
    lengths = [each.shape[axis] for each in types]
    joined = None if None in lengths else sum(each or 0 for each in lengths)
    return [tensor(types[0].dtype, (*shape[:axis], joined, *shape[axis + 1 :]))]


def stack(operation: Operation) -> list[ValueType]:
    """Values joined along a new axis."""
    types = several(operation)
    for each in types[1:]:
        require(agree(types[0], each), f"{types[0]} and {each} do not stack")
    axis = axis_of(operation.given("axis"), len(types[0].shape) + 1)
    return [tensor(types[0].dtype, (*types[0].shape[:axis], len(types), *types[0].shape[axis:]))]


def split(operation: Operation) -> list[ValueType]:
    """A value cut along an axis."""
    data = type_of(operation, "x")
    axis = axis_of(operation.given("axis"), len(data.shape))
    sizes, number = operation.given("split_sizes"), operation.given("num_splits")
    length = data.shape[axis]
    if sizes is None:
        require(isinstance(number, int) and number > 0, f"num_splits is {number}")
        require(length is None or length % number == 0, f"{length} in {number} parts")
        sizes = [None if length is None else length // number] * number
    elif length is not None:
        require(sum(sizes) == length and number in {None, len(sizes)}, f"split_sizes {sizes} of {length}")
    return [tensor(data.dtype, (*data.shape[:axis], each, *data.shape[axis + 1 :])) for each in sizes]


def reduce(operation: Operation) -> list[ValueType]:
    """Axes reduced to one number each."""
    data = type_of(operation, "x")
    axes = operation.given("axes")
    gone = {axis_of(each, len(data.shape)) for each in (range(len(data.shape)) if axes is None else axes)}
    if operation.given("keep_dims", default=False):
        return [tensor(data.dtype, (1 if axis in gone else each for axis, each in enumerate(data.shape)))]
    return [tensor(data.dtype, (each for axis, each in enumerate(data.shape) if axis not in gone))]


def arg(operation: Operation) -> list[ValueType]:
    """Where along an axis the largest or least lies."""
    data = type_of(operation, "x")
    axis = axis_of(operation.given("axis", -1), len(data.shape))
    kept = (1,) if operation.given("keep_dims", default=False) else ()
    dtype = operation.given("output_dtype", "int32")
    require(dtype in {"int32", "uint16"}, f"output_dtype is '{str(dtype)[:40]}'")
    return [tensor(dtype, (*data.shape[:axis], *kept, *data.shape[axis + 1 :]))]


def pad(operation: Operation) -> list[ValueType]:
    """Elements put around the last axes."""
    data, pad = type_of(operation, "x"), operation.given("pad")
    if pad is None:
        return [tensor(data.dtype, (None,) * len(data.shape))]
    require(
        operation.given("mode", "constant") in {"constant", "reflect", "replicate"}, "its mode is unknown"
    )
    require(
        len(pad) % 2 == 0 and len(pad) <= 2 * len(data.shape) and min(pad, default=0) >= 0, f"pad is {pad}"
    )
    shape, first = list(data.shape), len(data.shape) - len(pad) // 2
    for place in range(len(pad) // 2):
        length = shape[first + place]
        shape[first + place] = None if length is None else length + pad[2 * place] + pad[2 * place + 1]
    return [tensor(data.dtype, shape)]


def gather(operation: Operation) -> list[ValueType]:
    """Parts taken along an axis."""
    data, indices = type_of(operation, "x"), type_of(operation, "indices")
    batch = operation.given("batch_dims", 0)
    axis = axis_of(operation.given("axis", 0), len(data.shape))
    require(indices.dtype.startswith(("int", "uint")), f"indices are {indices}")
    require(0 <= batch <= min(axis, len(indices.shape)), f"batch_dims is {batch}")
    return [tensor(data.dtype, (*data.shape[:axis], *indices.shape[batch:], *data.shape[axis + 1 :]))]


def cut(operation: Operation) -> list[ValueType]:
    """Slices by constants; of others, only the rank is told."""
    data = type_of(operation, "x")
    rank = len(data.shape)
    none = [False] * rank
    begin, end = operation.given("begin"), operation.given("end")
    squeeze = operation.given("squeeze_mask", none)
    steps = operation.given("stride", [1] * rank)
    masks = operation.given("begin_mask", none), operation.given("end_mask", none)
    require(
        all(len(each) == rank for each in (squeeze, steps, *masks)) and 0 not in steps, f"a slice of x {data}"
    )
    shape: list[int | None] = []
    for axis, length in enumerate(data.shape):
        if squeeze[axis]:
            continue
        if length is None or begin is None or end is None:
            shape.append(None)
            continue
        start = None if masks[0][axis] else begin[axis]
        stop = None if masks[1][axis] else end[axis]
        shape.append(len(range(*slice(start, stop, steps[axis]).indices(length))))
    for name in ("begin", "end"):
        require(type_of(operation, name).dtype.startswith("int"), f"{name} is {type_of(operation, name)}")
    for each in (begin, end):
        require(each is None or len(each) == rank, f"a slice of x {data}")
    return [tensor(data.dtype, shape)]


def tile(operation: Operation) -> list[ValueType]:
    """A value repeated."""
    data, times = type_of(operation, "x"), operation.given("reps")
    if times is None:
        return [tensor(data.dtype, (None,) * len(data.shape))]
    require(len(times) == len(data.shape) and min(times) > 0, f"reps is {times} for x {data}")
    shape = (None if one is None else one * two for one, two in zip(data.shape, times, strict=True))
    return [tensor(data.dtype, shape)]


def shuffle(argument: str, grow: bool) -> Rule:  # noqa: FBT001 - which way round
    """Channels moved to space, or back."""

    def rule(operation: Operation) -> list[ValueType]:
        data, block = type_of(operation, "x"), operation.given(argument)
        require(len(data.shape) == 4 and block > 0, f"{argument} {block} for x {data}")  # noqa: PLR2004 - images
        batch, channels, *spatial = data.shape
        size = block if grow else 1 / block
        outer = None if channels is None else floor(channels / size**2 + 1e-9)
        inner = (None if each is None else floor(each * size + 1e-9) for each in spatial)
        return [tensor(data.dtype, (batch, outer, *inner))]

    return rule


def topk(operation: Operation) -> list[ValueType] | None:
    """The largest along an axis, and where they lie."""
    data, number = type_of(operation, "x"), operation.given("k", 1)
    if operation.open("k"):
        return None
    axis = axis_of(operation.given("axis", -1), len(data.shape))
    length = data.shape[axis]
    require(length is None or 0 < number <= length, f"k is {number} of {length}")
    shape = (*data.shape[:axis], number, *data.shape[axis + 1 :])
    indices = tensor(CASTS[operation.given("output_indices_dtype", "int32")], shape)
    return [tensor(data.dtype, shape), *[indices] * bool(operation.given("return_indices", default=True))]
