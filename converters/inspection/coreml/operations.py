"""The operations of ML Programs: since when, with which arguments.

Source: coremltools 9.0, ``coremltools/converters/mil/mil/ops/defs`` (the input specification of each operation), and
``write_state`` from its milproto frontend. One line a signature: the specification version that brings it, the
arguments in order, the operations that have it. ``?`` may be left out, ``!`` must be known before the model runs,
``...`` takes several values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

SIGNATURES = """
6 | x | abs acos asin atan atanh ceil cos cosh erf exp exp2 floor identity logical_not non_zero relu relu6 round shape
6 | x | sigmoid sign silu sin sinh softplus softsign sqrt square tan tanh
6 | x y | add equal floor_div greater greater_equal less less_equal logical_and logical_or logical_xor maximum minimum
6 | x y | mod mul not_equal pow real_div sub
6 | x axes?! keep_dims?! | reduce_l1_norm reduce_l2_norm reduce_log_sum reduce_log_sum_exp reduce_max reduce_mean
6 | x axes?! keep_dims?! | reduce_min reduce_prod reduce_sum reduce_sum_square
6 | x alpha! beta! | clamped_relu clip linear_activation scaled_tanh sigmoid_hard softplus_parametric
6 | x alpha! | elu leaky_relu prelu threshold thresholded_relu
6 | x epsilon?! | inverse l2_norm log rsqrt
6 | x axis?! | flatten2d softmax
6 | x kernel_sizes! strides?! pad_type! pad?! ceil_mode?! | l2_pool max_pool
6 | x kernel_sizes! strides?! pad_type! pad?! exclude_padding_from_average?! ceil_mode?! | avg_pool
6 | x axis?! keep_dims?! | reduce_argmax reduce_argmin
6 | x indices axis?! | gather gather_along_axis
6 | x indices | gather_nd
6 | data indices updates axis?! mode?! | scatter scatter_along_axis
6 | data indices updates mode?! | scatter_nd
6 | x block_size! | depth_to_space space_to_depth
6 | x axes?! | reverse squeeze
6 | x axes! | expand_dims
6 | x dtype! | cast
6 | x mode?! | gelu
6 | probabilities classes! | classify
6 | pred | cond
6 | cond a b | select
6 | loop_vars... | while_loop
6 | init_length? dynamic_length?! elem_shape... dtype?! | make_list
6 | ls | list_length
6 | ls index value | list_write
6 | ls index | list_read
6 | ls indices | list_gather
6 | ls indices value | list_scatter
6 | x weight bias?! strides?! pad_type?! pad?! dilations?! groups?! | conv
6 | x weight bias?! quantization_type! nbits?! quant_scale! quant_bias! strides?! pad_type?! pad?! dilations?! groups?! | conv_quantized
6 | x weight! bias?! pad?! output_shape?! pad_type?! strides?! dilations?! groups?! | conv_transpose
6 | x scale_factor_height?! scale_factor_width?! | upsample_nearest_neighbor
6 | x target_size_height! target_size_width! | resize_nearest_neighbor
6 | x scale_factor_height?! scale_factor_width?! align_corners?! | upsample_bilinear
6 | x target_size_height?! target_size_width?! sampling_mode?! | resize_bilinear
6 | x roi target_height?! target_width?! normalized_coordinates?! spatial_scale?! box_coordinate_mode?! sampling_mode?! | crop_resize
6 | x crop_height! crop_width! | crop
6 | x transform_matrix output_height! output_width! sampling_mode! padding_mode! padding_value! coordinates_mode! align_corners! | affine
6 | x coordinates sampling_mode! padding_mode! padding_value! coordinates_mode! align_corners! | resample
6 | x weight! bias?! | linear
6 | x y transpose_x?! transpose_y?! | matmul
6 | values... equation! | einsum
6 | x mean! variance! gamma?! beta?! epsilon?! | batch_norm
6 | x gamma?! beta?! epsilon?! | instance_norm
6 | x axes?! gamma?! beta?! epsilon?! | layer_norm
6 | x size! alpha?! beta?! k?! | local_response_norm
6 | shape prob?! seed?! | random_bernoulli
6 | x mode?! size?! seed?! | random_categorical
6 | shape mean?! stddev?! seed?! | random_normal
6 | shape low?! high?! seed?! | random_uniform
6 | x initial_h weight_ih! weight_hh! bias?! direction?! output_sequence?! recurrent_activation?! activation?! | gru
6 | x initial_h initial_c weight_ih! weight_hh! bias?! peephole?! weight_ih_back?! weight_hh_back?! bias_back?! peephole_back?! direction?! output_sequence?! recurrent_activation?! cell_activation?! activation?! clip?! | lstm
6 | x initial_h weight_ih! weight_hh! bias?! direction?! output_sequence?! activation?! | rnn
6 | x lower?! upper?! | band_part
6 | x axis?! exclusive?! reverse?! | cumsum
6 | shape value?! | fill
6 | boxes scores iou_threshold! score_threshold! max_boxes! per_class_suppression?! | non_maximum_suppression
6 | indices one_hot_vector_size axis?! on_value?! off_value?! | one_hot
6 | x pad mode?! constant_val?! | pad
6 | end start step | range_1d
6 | x reps | tile
6 | x axis?! ascending?! | argsort
6 | x k?! axis?! ascending?! | topk
6 | values... axis! interleave?! | concat
6 | x num_splits?! split_sizes?! axis! | split
6 | values... axis! | stack
6 | x shape | reshape
6 | x lengths seq_axis?! batch_axis?! | reverse_sequence
6 | x begin end stride?! begin_mask?! end_mask?! squeeze_mask?! | slice_by_index
6 | x begin size | slice_by_size
6 | x block_shape! paddings! | space_to_batch
6 | x block_shape! crops! | batch_to_space
6 | x perm! | transpose
6 | x upscale_factor! | pixel_shuffle
6 | x axis! size! stride?! | sliding_windows
7 | x scale_factor_height?! scale_factor_width?! align_corners?! half_pixel_centers?! | upsample_bilinear
7 | x roi target_height?! target_width?! normalized_coordinates?! spatial_scale?! box_coordinate_mode?! sampling_mode?! pad_value?! | crop_resize
7 | x indices axis?! batch_dims?! | gather
7 | x indices batch_dims?! | gather_nd
7 | x k?! axis?! ascending?! sort?! return_indices?! | topk
7 | quantized_data! zero_point! scale! axis! | constexpr_affine_dequantize
7 | source_val! output_dtype! | constexpr_cast
7 | indices! lut! shape! | constexpr_lut_to_dense
7 | nonzero_data! mask! shape! | constexpr_sparse_to_dense
7 | ref_tensor value?! | fill_like
7 | x ref_tensors... begins... ends... end_masks... | reshape_like
7 | x downscale_factor! | pixel_unshuffle
8 | x axis?! keep_dims?! output_dtype?! | reduce_argmax reduce_argmin
8 | data indices updates axis?! mode?! validate_indices?! | scatter scatter_along_axis
8 | data indices updates mode?! validate_indices?! | scatter_nd
8 | x weight bias? strides?! pad_type?! pad?! dilations?! groups?! | conv
8 | x weight bias? pad?! output_shape?! pad_type?! strides?! dilations?! groups?! | conv_transpose
8 | x boxes box_indices? target_height?! target_width?! normalized_coordinates?! spatial_scale?! box_coordinate_mode?! sampling_mode?! pad_value?! | crop_resize
8 | x indices axis?! batch_dims?! validate_indices?! | gather
8 | x indices axis?! validate_indices?! | gather_along_axis
8 | x indices batch_dims?! validate_indices?! | gather_nd
8 | boxes scores iou_threshold! max_boxes! per_class_suppression?! | non_maximum_suppression
8 | x k?! axis?! ascending?! sort?! return_indices?! output_indices_dtype?! | topk
8 | x shape resized_dims! interpolation_mode?! sampling_mode?! | resize
8 | input zero_point?! scale! axis?! output_dtype! | quantize
8 | input zero_point?! scale! axis?! | dequantize
9 | x initial_h weight_ih! weight_hh! bias?! direction?! output_sequence?! recurrent_activation?! activation?! reset_after?! input_bias?! | gru
9 | indices! lut! vector_axis?! | constexpr_lut_to_dense
9 | nonzero_data! mask! | constexpr_sparse_to_dense
9 | data! scale! offset?! | constexpr_blockwise_shift_scale
9 | indices_mask! indices_nonzero_data! lut! vector_axis?! | constexpr_lut_to_sparse
9 | data_mask! nonzero_data! scale! offset?! | constexpr_sparse_blockwise_shift_scale
9 | input | read_state
9 | input data | write_state
9 | x update begin end stride?! begin_mask?! end_mask?! squeeze_mask?! | slice_update
9 | query key value attn_mask? | scaled_dot_product_attention
"""  # noqa: E501 - one line a signature

# What arguments must be, by name: type, rank, names. Arguments that are not here hold data.
TYPES = """
string | 0 | activation box_coordinate_mode cell_activation coordinates_mode direction dtype equation interpolation_mode
string | 0 | mode output_dtype output_indices_dtype pad_type padding_mode quantization_type recurrent_activation
string | 0 | sampling_mode
bool | 0 | align_corners ascending ceil_mode dynamic_length exclude_padding_from_average exclusive half_pixel_centers
bool | 0 | interleave keep_dims normalized_coordinates output_sequence per_class_suppression pred reset_after
bool | 0 | return_indices sort transpose_x transpose_y validate_indices
bool | 1 | begin_mask end_mask squeeze_mask
int32 | 0 | axis batch_axis batch_dims block_size groups lower max_boxes nbits num_splits output_height output_width
int32 | 0 | seed seq_axis target_height target_size_height target_size_width target_width upper upscale_factor
int32 | 0 | vector_axis
int32 | 1 | axes block_shape crop_height crop_width dilations kernel_sizes output_shape pad perm reps split_sizes
int32 | 1 | strides
uint32 | 0 | downscale_factor
uint32 | 1 | resized_dims
"""

CUSTOM = "custom_layer"  # its class comes from the app
CONST = "const"
CONSTEXPR = "constexpr_"  # each operation that unpacks a weight before the model runs begins so


@cache
def argument_types() -> Mapping[str, tuple[str, int]]:
    """Type and rank of arguments by name, as `TYPES` has them."""
    table: dict[str, tuple[str, int]] = {}
    for line in TYPES.strip().splitlines():
        dtype, rank, names = (each.strip() for each in line.split("|"))
        table |= dict.fromkeys(names.split(), (dtype, int(rank)))
    return MappingProxyType(table)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an operation.

    Attributes:
        name: as the file has it.
        optional: whether it may be left out.
        constant: whether it must be known before the model runs.
        several: whether it takes any number of values.
    """

    name: str
    optional: bool
    constant: bool
    several: bool


Signature = Mapping[str, Argument]


@cache
def _signatures() -> Mapping[str, tuple[tuple[int, Signature], ...]]:
    table: dict[str, list[tuple[int, Signature]]] = {}
    for line in SIGNATURES.strip().splitlines():
        since, arguments, operations = (each.strip() for each in line.split("|"))
        signature = {
            (name := each.rstrip("?!.")): Argument(name, "?" in each, "!" in each, "..." in each)
            for each in arguments.split()
        }
        for kind in operations.split():
            table.setdefault(kind, []).append((int(since), MappingProxyType(signature)))
    return MappingProxyType(
        {kind: tuple(sorted(rows, key=lambda row: row[0])) for kind, rows in table.items()}
    )


def known(kind: str) -> bool:
    """Whether any operator set has an operation."""
    return kind in _signatures()


def signature(kind: str, version: int) -> Signature | None:
    """The arguments of an operation in a specification version; ``None`` where that does not have it."""
    rows = [each for since, each in _signatures().get(kind, ()) if since <= version]
    return rows[-1] if rows else None
