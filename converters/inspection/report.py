"""What a file is, as frozen values: the graph read from its bytes, and what follows from it.

Readers (one a format) turn bytes into a `Graph`; everything else is worked out of it. A report crosses from the
sandboxed reader to the caller as JSON, never as a pickle: `to_json` and `from_json` are inverse.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

OptionValue = int | float | str | bool | tuple["OptionValue", ...]


class Format(StrEnum):
    """Kinds of file that are recognised by their content."""

    TFLITE = "tflite"
    ONNX = "onnx"
    MLPACKAGE = "mlpackage"
    MLMODEL = "mlmodel"
    SAVED_MODEL = "saved_model"
    KERAS = "keras"
    HDF5 = "hdf5"
    PT2 = "pt2"
    SAFETENSORS = "safetensors"
    NPY = "npy"
    NPZ = "npz"
    PICKLE = "pickle"


class Granularity(StrEnum):
    """Over what one scale, or one codebook, stretches."""

    NONE = ""
    PER_TENSOR = "per_tensor"
    PER_CHANNEL = "per_channel"
    PER_BLOCK = "per_block"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One value of a graph.

    Attributes:
        name: as the file has it; may be empty.
        shape: lengths of its axes; ``None`` for an axis whose length the file leaves open. ``None`` altogether
            where the file does not even state the rank.
        dtype: ``float32``, ``float16``, ``bfloat16``, ``int8``, ``int4``, ``uint2``, ``bool`` ...: how one element
            is stored, in numpy's and ml_dtypes' words. ``paletteN`` for indices of N bits into a codebook.
        constant: whether its values lie in the file.
        stored_bytes: how many bytes of the file hold its values (codebook, scales and mask included); 0 when it
            is not constant.
        granularity: of its quantization; empty when it is not quantized.
        axis: the quantized axis, where `granularity` is per channel.
        scales: how many scales, or codebooks, it has.
        zeros: share of its elements that are exactly zero once decoded, from 0 to 1; ``None`` when not constant.
        sparse: whether its zeros are left out of the file.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    constant: bool = False
    stored_bytes: int = 0
    granularity: Granularity = Granularity.NONE
    axis: int | None = None
    scales: int = 0
    zeros: float | None = None
    sparse: bool = False

    @property
    def elements(self) -> int | None:
        """How many elements it has; ``None`` where the shape is not wholly known."""
        if self.shape is None or any(each is None for each in self.shape):
            return None
        count = 1
        for each in self.shape:
            count *= each or 0
        return count

    @property
    def quantized(self) -> bool:
        """Whether a scale or a codebook gives its values."""
        return self.granularity is not Granularity.NONE


@dataclass(frozen=True, slots=True)
class Operator:
    """One node of a graph.

    Attributes:
        kind: the format's own name: ``CONV_2D``, ``Conv``, ``conv``; of a custom operator its custom name.
        inputs: positions in `Graph.tensors`; -1 for an input left out.
        outputs: positions in `Graph.tensors`.
        label: name of this node; may be empty.
        options: attributes that rules, costs and evaluators need, by the format's own names in snake_case
            (``stride_h``, ``fused_activation_function``, ``keep_dims``, ``strides``, ``group`` ...).
        version: operator version (TFLite) or since-version (ONNX); 1 where there is none.
        custom: whether the runtime's own set does not have it.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    label: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    version: int = 1
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """The main graph of a file, its operators in the order in which they run.

    Attributes:
        tensors: every value.
        operators: every node of the main graph.
        inputs: positions of the tensors that the caller feeds.
        outputs: positions of the tensors that the caller gets.
        subgraphs: how many further graphs (branches, loops, functions) the file holds.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int = 0


@dataclass(frozen=True, slots=True)
class WeightGroup:
    """The constant weights of one storage type.

    Attributes:
        dtype: see `Tensor.dtype`.
        granularity: see `Tensor.granularity`.
        tensors: how many tensors.
        elements: how many elements together.
        stored_bytes: what they take in the file.
    """

    dtype: str
    granularity: Granularity
    tensors: int
    elements: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Break:
    """An operator that a delegate does not take.

    Attributes:
        operator: position in `Graph.operators`.
        kind: its `Operator.kind`.
        label: its `Operator.label`, or the name of its first output.
        reason: the broken rule in words, with what was found.
        source: where the rule is documented.
    """

    operator: int
    kind: str
    label: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a graph one delegate would run.

    Attributes:
        delegate: ``tflite-gpu``, ``nnapi``, ``hexagon``, ``xnnpack``, ``edgetpu``, ``tflm``, ``ethos-u``,
            ``coreml-ane``, ``coreml-gpu``, ``ort-nnapi``, ``ort-coreml`` ...
        processor: what it runs on, by the registry's words: cpu, gpu, dsp, npu, nnapi.
        operators: how many operators it takes.
        of_operators: how many there are.
        macs: MACs of the operators it takes.
        of_macs: MACs of all.
        partitions: connected parts that it would run; 0 when it takes nothing.
        breaks: each operator that it does not take.
        note: one line worth knowing, such as that no official list exists.
    """

    delegate: str
    processor: str
    operators: int
    of_operators: int
    macs: int
    of_macs: int
    partitions: int
    breaks: tuple[Break, ...] = ()
    note: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing falls back to the CPU."""
        return self.operators == self.of_operators


@dataclass(frozen=True, slots=True)
class Load:
    """Whether a runtime on this machine takes the file.

    Attributes:
        runtime: such as ``ai-edge-litert 2.3.0``.
        loaded: ``None`` when it was not tried; `reason` says why.
        reason: what it said, in one line.
    """

    runtime: str
    loaded: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FileReport:
    """All that the bytes of a file say.

    Attributes:
        format: by content.
        flavour: the kind within the format: ``ML Program``, ``NeuralNetwork``, ``TFL3``, ``opset 20`` ...
        size_bytes: length of the file, or of all files of a package.
        sha256: digest of the file, or of the canonical archive of a package.
        graph: the main graph; ``None`` for formats that only hold weights or are only named.
        producer: the tool that wrote it, as the file says; empty where it does not.
        params: elements of all weights; ``None`` without a graph or weights.
        macs: multiply-accumulates of one inference at batch 1; ``None`` where a shape is open.
        macs_by_operator: parallel to ``graph.operators``.
        weights: by storage type, the largest first.
        activations: dtypes of the values that flow, by how many operators write them.
        precision: the registry's word for what the bytes are (``float32``, ``int8``, ``palette4`` ...).
        granularity: of the weights where they are quantized.
        zeros: share of weight elements that are exactly zero.
        peak_activation_bytes: most bytes of live activations at any operator, in file order, without in-place reuse.
        minimum: what is needed at least, by kind: ``runtime`` (TFLite/LiteRT version), ``opset``, ``ir_version``,
            ``os`` (``iOS 16``), ``spec_version``.
        custom_operators: kinds that the runtime's own set lacks.
        overhead_bytes: `size_bytes` less what the weights take.
        metadata_bytes: names, doc strings, metadata buffers that inference does not need; 0 where not worked out.
        entries: for weight files and containers, the names inside with shape and dtype, at most 1,000.
        coverage: one a delegate that can take the format.
        loads: one a runtime on this machine that takes the format.
        warnings: what is odd but no reason to refuse, one line each.
    """

    format: Format
    flavour: str
    size_bytes: int
    sha256: str
    graph: Graph | None = None
    producer: str = ""
    params: int | None = None
    macs: int | None = None
    macs_by_operator: tuple[int | None, ...] = ()
    weights: tuple[WeightGroup, ...] = ()
    activations: Mapping[str, int] = field(default_factory=dict)
    precision: str = "unknown"
    granularity: Granularity = Granularity.NONE
    zeros: float | None = None
    peak_activation_bytes: int | None = None
    minimum: Mapping[str, str] = field(default_factory=dict)
    custom_operators: tuple[str, ...] = ()
    overhead_bytes: int = 0
    metadata_bytes: int = 0
    entries: tuple[str, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    loads: tuple[Load, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Render it for `from_json`."""
        return json.dumps(asdict(self), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Rebuild a report; what does not have the right shape raises ``ValueError``, ``KeyError`` or ``TypeError``."""
        data = json.loads(text)
        graph = data["graph"]
        return cls(
            **{
                **data,
                "format": Format(data["format"]),
                "graph": None if graph is None else _graph(graph),
                "macs_by_operator": tuple(data["macs_by_operator"]),
                "weights": tuple(
                    WeightGroup(**{**each, "granularity": Granularity(each["granularity"])})
                    for each in data["weights"]
                ),
                "granularity": Granularity(data["granularity"]),
                "custom_operators": tuple(data["custom_operators"]),
                "entries": tuple(data["entries"]),
                "coverage": tuple(
                    Coverage(**{**each, "breaks": tuple(Break(**one) for one in each["breaks"])})
                    for each in data["coverage"]
                ),
                "loads": tuple(Load(**each) for each in data["loads"]),
                "warnings": tuple(data["warnings"]),
            }
        )


def _graph(data: Mapping[str, Any]) -> Graph:
    return Graph(
        tensors=tuple(
            Tensor(
                **{
                    **each,
                    "shape": None if each["shape"] is None else tuple(each["shape"]),
                    "granularity": Granularity(each["granularity"]),
                }
            )
            for each in data["tensors"]
        ),
        operators=tuple(
            Operator(
                **{
                    **each,
                    "inputs": tuple(each["inputs"]),
                    "outputs": tuple(each["outputs"]),
                    "options": {key: _tuples(value) for key, value in each["options"].items()},
                }
            )
            for each in data["operators"]
        ),
        inputs=tuple(data["inputs"]),
        outputs=tuple(data["outputs"]),
        subgraphs=data["subgraphs"],
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
