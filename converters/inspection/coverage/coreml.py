"""Core ML on the Neural Engine and the GPU. Apple publishes no list: these are misses that were reported in public."""

from converters.inspection.coverage.rules import Delegate, Rule, tensors
from converters.inspection.report import Graph, Operator

_HOLLANCE = "https://github.com/hollance/neural-engine/blob/master/docs/unsupported-layers.md"
_NOTE = "a guess from public reports: Apple has no list. MLComputePlan on a Mac is the truth"
_LARGEST_POOL, _LARGEST_STRIDE, _MOST_AXES = 13, 2, 5
REFUSED = (
    "lstm", "gru", "rnn", "gather", "gather_nd", "gather_along_axis", "scatter", "scatter_nd",
    "scatter_along_axis", "topk", "argsort",
    "non_maximum_suppression", "non_zero", "cond", "while_loop", "one_hot", "custom_layer",
    "uniDirectionalLSTM", "biDirectionalLSTM",
    "simpleRecurrent", "custom", "gatherND", "topK",
)  # fmt: skip


class _Everything(dict[str, tuple[Rule, ...]]):
    """Every operator is taken unless it is known not to be."""

    def __contains__(self, kind: object) -> bool:
        return kind not in REFUSED

    def __missing__(self, kind: str) -> tuple[Rule, ...]:
        return ()


def _numbers(operator: Operator, *names: str) -> list[int]:
    found: list[int] = []
    for name in names:
        value = operator.options.get(name)
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        found += [int(each) for each in values if isinstance(each, int | float)]
    return found


def _dilated(_: Graph, operator: Operator) -> str | None:
    found = _numbers(operator, "dilations", "dilationFactor", "dilation_factor")
    return "x".join(map(str, found)) if any(each > 1 for each in found) else None


def _pool(_: Graph, operator: Operator) -> str | None:
    kernel, stride = (
        _numbers(operator, "kernel_sizes", "kernel_size"),
        _numbers(operator, "strides", "stride"),
    )
    if kernel and max(kernel) > _LARGEST_POOL:
        return f"kernel {'x'.join(map(str, kernel))}"
    return f"stride {'x'.join(map(str, stride))}" if stride and max(stride) > _LARGEST_STRIDE else None


def _upsample(_: Graph, operator: Operator) -> str | None:
    factors = [
        value for name in ("scale_factor_height", "scale_factor_width")
        if isinstance(value := operator.options.get(name), int | float)
    ]  # fmt: skip
    return "x".join(f"{each:g}" for each in factors) if any(each > 2 for each in factors) else None  # noqa: PLR2004


def _axes(graph: Graph, operator: Operator) -> str | None:
    ranks = [len(each.shape) for each in tensors(graph, operator.outputs) if each.shape is not None]
    return str(max(ranks)) if ranks and max(ranks) > _MOST_AXES else None


_POOLS = dict.fromkeys(
    ("avg_pool", "max_pool", "l2_pool", "pooling"),
    (Rule("kernels are at most 13, strides at most 2", _pool),),
)

ANE = Delegate(
    name="coreml-ane",
    runtime="coreml",
    processor="npu",
    source=_HOLLANCE,
    general=(Rule("tensors have at most 5 axes", _axes),),
    note=_NOTE,
    kinds=_Everything(
        {
            **dict.fromkeys(
                ("conv", "convolution", "conv_transpose"), (Rule("convolutions are not dilated", _dilated),)
            ),
            **_POOLS,
            **dict.fromkeys(
                ("upsample_nearest_neighbor", "upsample_bilinear"),
                (Rule("images grow at most twofold", _upsample),),
            ),
        }
    ),
)
