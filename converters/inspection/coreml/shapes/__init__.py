"""What operations of ML Programs give: types worked out anew, to hold against what a file declares.

Covered are the operations that nets are made of; of the others, `infer` says nothing. Lengths that only a run tells are
``None`` and agree with anything.

Source: the type inference of each operation in coremltools 9.0, ``converters/mil/mil/ops/defs``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from converters.inspection.coreml.nodes import Operation
from converters.inspection.coreml.shapes import elementwise, layers, layout
from converters.inspection.coreml.shapes.terms import Rule, agree, tensor, type_of
from converters.inspection.coreml.value_types import ValueType
from converters.inspection.reading import UnreadableError

__all__ = ["agree", "infer"]


def infer(operation: Operation) -> list[ValueType] | None:
    """Work out the types of an operation's outputs; ``None`` where no rule is known.

    Raises:
        UnreadableError: its arguments do not fit together.
    """
    rule = RULES.get(operation.kind)
    try:
        return None if rule is None else rule(operation)
    except (
        IndexError,
        ValueError,
        TypeError,
        ZeroDivisionError,
        KeyError,
        AttributeError,
        OverflowError,
    ) as problem:
        # Rules index and unpack what the definition of the operation promises; here it did not hold.
        raise UnreadableError(
            [f"its arguments do not fit its definition ({type(problem).__name__}: {problem})"]
        ) from problem


# Operations that share a rule are named together.
FAMILIES: Mapping[str, Rule] = MappingProxyType(
    {
        "abs ceil floor identity logical_not round sign square threshold": elementwise.like,
        "reverse reverse_sequence band_part cumsum relu6 clip": elementwise.like,
        "acos asin atan atanh cos cosh erf exp exp2 relu sigmoid silu sin sinh softplus softsign sqrt tan tanh "
        "clamped_relu linear_activation scaled_tanh sigmoid_hard softplus_parametric elu leaky_relu prelu gelu "
        "thresholded_relu inverse l2_norm log rsqrt local_response_norm": elementwise.float_like,
        "add floor_div maximum minimum mod mul pow real_div sub": elementwise.binary(""),
        "equal greater greater_equal less less_equal not_equal": elementwise.binary("bool"),
        "logical_and logical_or logical_xor": elementwise.binary("bool"),
        "reduce_l1_norm reduce_l2_norm reduce_log_sum reduce_log_sum_exp reduce_max reduce_mean": layout.reduce,
        "reduce_min reduce_prod reduce_sum reduce_sum_square": layout.reduce,
        "reduce_argmax reduce_argmin": layout.arg,
        "avg_pool max_pool l2_pool": layers.pool,
        "upsample_nearest_neighbor upsample_bilinear": layers.upsample,
        "resize_nearest_neighbor resize_bilinear": layers.resize,
        "batch_norm instance_norm": layers.norm,
        "layer_norm": layers.layer_norm,
        "conv": layers.conv,
        "conv_transpose": layers.conv_transpose,
        "linear": layers.linear,
        "matmul": layers.matmul,
        "lstm": layers.recurrent(4, 2),
        "gru": layers.recurrent(3, 1),
        "rnn": layers.recurrent(1, 1),
        "scaled_dot_product_attention": layers.attention,
        "reshape": layout.reshape,
        "transpose": layout.transpose,
        "squeeze": layout.squeeze,
        "expand_dims": layout.expand_dims,
        "concat": layout.concat,
        "stack": layout.stack,
        "split": layout.split,
        "pad": layout.pad,
        "gather": layout.gather,
        "slice_by_index": layout.cut,
        "tile": layout.tile,
        "topk": layout.topk,
        "pixel_shuffle": layout.shuffle("upscale_factor", grow=True),
        "depth_to_space": layout.shuffle("block_size", grow=True),
        "space_to_depth": layout.shuffle("block_size", grow=False),
        "pixel_unshuffle": layout.shuffle("downscale_factor", grow=False),
        "softmax": elementwise.softmax,
        "cast": elementwise.cast,
        "select": elementwise.select,
        "quantize": elementwise.quantize,
        "dequantize": elementwise.dequantize,
        "read_state write_state": elementwise.state,
        "classify": elementwise.classify,
        "shape": lambda operation: [tensor("int32", (len(type_of(operation, "x").shape),))],
    }
)
RULES: Mapping[str, Rule] = MappingProxyType(
    {kind: rule for kinds, rule in FAMILIES.items() for kind in kinds.split()}
)
