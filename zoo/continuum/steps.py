"""One step of a recipe, taken with a net: settings of recipes become calls of the methods of `compress`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from compress.distillation import Hinton, Hints, LayerWise
from compress.filter_pruning import Cut, Importance, prune_filters
from compress.layer_pruning import prune_layers, remove_blocks
from compress.mixed import choose_bits
from compress.net import Blueprint, Net, fresh, from_scratch
from compress.quantization import quantize_aware
from compress.recipes import steps
from compress.shares import Spread
from compress.sharing import Sharing, share_weights
from compress.training import Settings, fit
from compress.weight_pruning import Lottery, Sparsity, prune_weights, tickets
from zoo.errors import TrainingError

if TYPE_CHECKING:
    from compress.samples import Samples
    from compress.training import Objective, Report

_SENSITIVITY_SAMPLES = 512
_HINT = "features"


@dataclass(frozen=True, slots=True)
class Around:
    """What a step is taken with.

    Attributes:
        samples: to train on, with a teacher's logits where they are known; told whether they are to be varied.
        seed: of all chances.
        teacher: whom the net listens to; ``None`` for nobody, or where samples carry what it says.
        report: told how far it is.
    """

    samples: Callable[[bool], "Samples"]
    seed: int
    teacher: Net | None
    report: "Report"


def begin(blueprint: Blueprint, seed: int, *, pretrained: bool) -> Net:
    """The net before its first step.

    Args:
        blueprint: of it.
        seed: of random weights.
        pretrained: whether it starts from the weights of an installed package, with a new head.

    Raises:
        UsageError: no package has weights of it.
        MissingExtraError: the package is not installed.
    """
    net = fresh(blueprint, seed)
    if pretrained:
        from architectures.pretrained import load_pretrained

        own = net.module.state_dict()
        told = load_pretrained(blueprint.architecture).state_dict()
        own |= {name: each for name, each in told.items() if each.shape == own[name].shape}
        net.module.load_state_dict(own)
    return net


def take(net: Net, step: steps.Step, around: Around) -> Net:
    """Take one step; ``net`` may be changed by it.

    Raises:
        TrainingError: its loss is no number any more, or its parts do not fit.
    """
    match step:
        case steps.Train() | steps.Distil() | steps.Scratch():
            return _train(net, step, around)
        case steps.PruneWeights() | steps.Rewind():
            return _prune_weights(net, step, around)
        case steps.PruneFilters():
            spread = Spread.GLOBAL if step.across else Spread.UNIFORM
            cut = Cut(
                step.share or 0.0,
                step.macs_share,
                Importance(step.by),
                spread,
                step.round_to,
                step.layers,
            )
            return prune_filters(net, cut)
        case steps.PruneLayers():
            if step.blocks:
                return remove_blocks(net, step.blocks, seed=around.seed)
            few = around.samples(False).first(_SENSITIVITY_SAMPLES)  # noqa: FBT003 - not varied
            return prune_layers(net, few, step.count or 0, around.report)
        case _:
            return _in_few_bits(net, step, around)


def _prune_weights(net: Net, step: steps.PruneWeights | steps.Rewind, around: Around) -> Net:
    samples, settings = _samples(step, around), _settings(step)
    if isinstance(step, steps.Rewind):
        lottery = Lottery(step.per_round, step.head_share, reinit=step.reinit)
        return tickets(
            net, samples, settings, lottery, share=step.share, seed=around.seed, report=around.report
        )
    sparsity = Sparsity(step.share, step.layers, Spread(step.spread), step.ramp, step.every)
    objective = _objective(net, step, around)
    return prune_weights(
        net, samples, settings, sparsity, seed=around.seed, objective=objective, report=around.report
    )


def _train(net: Net, step: steps.Train | steps.Distil | steps.Scratch, around: Around) -> Net:
    if isinstance(step, steps.Scratch):
        net = from_scratch(net, around.seed)
    fit(
        net.module,
        _samples(step, around),
        _settings(step),
        seed=around.seed,
        objective=_objective(net, step, around),
        report=around.report,
    )
    return net


def _in_few_bits(net: Net, step: steps.Qat | steps.Share | steps.Mixed, around: Around) -> Net:
    samples, settings = _samples(step, around), _settings(step)
    objective = _objective(net, step, around)
    if isinstance(step, steps.Share):
        sharing = Sharing(_by_layer(net, step), step.rate)
        return share_weights(
            net, samples, settings, sharing, seed=around.seed, objective=objective, report=around.report
        )
    bits: int | dict[str, int]
    activations: int | str | None = None
    if isinstance(step, steps.Qat):
        bits, activations = step.weight_bits, step.activation_bits
    else:
        bits = choose_bits(net, samples.first(_SENSITIVITY_SAMPLES), step.size_bytes, choices=step.choices)
        around.report(f"bits by layer: {bits}")
    return quantize_aware(
        net,
        samples,
        settings,
        weight_bits=bits,
        activation_bits=activations if isinstance(activations, int) else None,
        seed=around.seed,
        objective=objective,
        report=around.report,
    )


def _by_layer(net: Net, step: steps.Share) -> int | dict[str, int]:
    if not step.layers:
        return step.bits
    from compress.layers import weight_layers

    return {path: step.layers.get(path, step.bits) for path in weight_layers(net.module)}


def _samples(step: steps.Step, around: Around) -> "Samples":
    training = steps.training_of(step)
    return around.samples(training is None or training.augment)


def _settings(step: steps.Step) -> Settings:
    training = steps.training_of(step)
    assert training is not None  # noqa: S101 - only asked of steps that train
    return Settings(**{each.name: getattr(training, each.name) for each in fields(Settings)})


def _objective(net: Net, step: steps.Step, around: Around) -> "Objective | None":
    """What a step minimises; ``None`` for the usual loss."""
    if not steps.listens(step):
        return None
    teacher, teaching, training = around.teacher, steps.teaching_of(step), steps.training_of(step)
    if teaching is None or training is None:
        raise TrainingError("the step cannot listen to a teacher")
    if teacher is None:
        return Hinton(None, teaching.temperature, teaching.soft, training.label_smoothing)
    if isinstance(step, steps.Distil) and step.layers:
        return LayerWise(teacher, net, teaching.temperature, teaching.soft)
    if isinstance(step, steps.Distil) and step.hints:
        hint = (_HINT, _HINT)
        return Hints(teacher, net, hint, temperature=teaching.temperature, soft=teaching.soft)
    return Hinton(teacher, teaching.temperature, teaching.soft, training.label_smoothing)
