"""No option does nothing: each one changes what is kept, changes how it is computed, or is refused and says why."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
import torch
from torch import Tensor, nn

from gancourse import data
from gancourse.data.catalogue import Entry, data_sets, entry
from gancourse.games import GrowingRemedy, Remedy
from gancourse.models import MLP, SAGAN, EnergyMLP, Family, StyleGAN, StyleGAN3
from gancourse.recipes import REFERENCE, Arithmetic, Recipe, build, recipe, recipes, terms
from gancourse.recipes.terms import R1, PathLength, Term
from gancourse.signature import Signature
from gancourse.values import Option, Range, Value, hints, is_abstract, options

NARROW = (4, 4, 4, 4)
TINY = {"steps": 3, "batch_size": 12, "width": 4, "latent_size": 4, "average_kimg": 0.02}
TINY |= {"widths": NARROW, "layer_widths": NARROW}
"""Averages forget within three steps, so that their half-life shows; recipes without averages stay without."""

USUAL = {GrowingRemedy: GrowingRemedy(fade_kimg=0.024, stable_kimg=0.012), PathLength: PathLength(every=1)}
"""Settings that have an effect within the few samples of these trainings, where the usual ones are for longer ones."""

BY_HAND: dict[str, tuple[Any, ...]] = {
    "data": (
        *("ring", "grid", "digits", "fashion", "stacked-digits", "noise-32", "unpaired:grid,ring"),
        *("few-labels:fashion,20", "faces-sketch", "faces"),
    ),
    "attention-at": (8, 16),
    # Not hinge: near scores of zero it is the Wasserstein objective.
    "objective": ("least-squares", "wasserstein", "minimax"),
    "group": (6,),  # divides the batch
    "widths": ((4, 4, 4, 5),),
    "layer-widths": ((4, 5, 4, 4),),
    "label-dropout": (0.5,),  # of a batch of twelve
    "terms": ((), (R1(0.3),), (R1(1.0, every=2),), (terms.Orthogonality(0.1),)),
    "remedies": tuple(
        (USUAL.get(kind, kind()),)
        for kind in Value.kinds.values()
        if issubclass(kind, Remedy) and not is_abstract(kind)
    ),
}
"""Values to try of what a type hint doesn't tell enough about."""


def tiny(chosen: Recipe) -> Recipe:
    chosen = chosen.offline()
    known = options(chosen)
    changes = {name: value for name, value in TINY.items() if name.replace("_", "-") in known}
    if not chosen.training.average_kimg:
        del changes["average_kimg"]
    return chosen.changed(**changes)


def lively(chosen: Recipe) -> Recipe:
    """The narrowest tiny form of a recipe in which the short training changes what is kept.

    A network of four units may get no gradient at all, as when every ReLU is off; then no option would seem to matter.
    """
    small = tiny(chosen)
    widths = (4, 8, 16, 32) if "width" in options(small) else (0,)
    for width in widths:
        base = small.changed(width=width) if width else small
        if differ(kept_of_base(base), build(base).result.state_dict()):
            return base
    pytest.fail(f"{chosen.name}: three steps change nothing of what is kept; see what `kept` returns, and gradients")


def others(option: Option) -> tuple[Any, ...]:
    """Other values that an option may have."""
    values = BY_HAND.get(option.name) or of_hint(option.hint, option.value)
    same = {"faces-by-hair": "faces"}.get(option.value)  # the same images; only conditional networks see the labels
    values = tuple(value for value in values if value not in (option.value, same))
    assert values, option
    return values


def of_hint(hint: Any, value: Any) -> tuple[Any, ...]:
    bounds = next((extra for extra in get_args(hint)[1:] if isinstance(extra, Range)), None)
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(kind) is Literal:
        return get_args(kind)
    if kind is bool:
        return (not value,)
    if kind is int:
        return (value + 1,)
    assert kind is float, hint
    new = value / 2 or 0.3
    assert bounds is None or new in bounds
    return (new,)


class Noisy(data.Images):
    """Images of 32 × 32 pixels."""

    def __init__(self) -> None:
        images = (torch.arange(20 * 3 * 1024) * 7919 % 251).byte().view(20, 3, 32, 32)
        super().__init__(images, torch.arange(20) % 2, ("even", "odd"))


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further data: full sets, which are the package's the other way round, and images of another size."""
    monkeypatch.setitem(data_sets, "noise-32", Entry("noise", lambda request: Noisy(), has_full_set=True))

    def full(name: str, split: str, download: bool) -> tuple[Tensor, Tensor]:
        images, labels = data.images._embedded({"MNIST": "digits", "FashionMNIST": "fashion"}[name], split)
        return images.flip(0), labels.flip(0)

    monkeypatch.setattr(data.images, "_full", full)


OF_SAMPLES = {option for recipe_ in recipes.values() for option in options(recipe_.play.sampling)}
"""Options that say how samples are made, where a recipe has them: they change samples, and nothing that is kept."""


def kept(chosen: Recipe, arithmetic: Arithmetic = REFERENCE, with_samples: bool = False) -> dict[str, Tensor]:
    """What a short training keeps, and samples of it if asked for."""
    built = build(chosen, arithmetic=arithmetic)
    for _ in built.trainer.until(chosen.steps):
        pass
    return built.result.state_dict() | ({"samples": built.samples(3)} if with_samples else {})


@cache
def kept_of_base(chosen: Recipe, with_samples: bool = False) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in kept(chosen, with_samples=with_samples).items()}


def differ(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() != theirs.keys() or any(
        ours[name].shape != theirs[name].shape or not torch.equal(ours[name], theirs[name]) for name in ours
    )


def check_each(base: Recipe, name: str, values: tuple[Any, ...]) -> list[str]:
    """See that each value changes what is kept, or is refused with a ValueError.

    Returns:
        Why values were refused; empty as soon as one was not.
    """
    reasons, accepted = [], False
    for value in values:
        try:
            ours = kept(base.changed(**{name.replace("-", "_"): value}), with_samples=name in OF_SAMPLES)
        except ValueError as error:
            reasons.append(f"--{name} {value}: {error}")
            continue
        accepted = True
        assert differ(ours, kept_of_base(base, name in OF_SAMPLES)), f"--{name} {value} does nothing"
    return [] if accepted else reasons


def of_another_size(option: Option) -> tuple[Any, ...]:
    """Numbers to try where the next one is refused: some must divide another number, or be divided by it."""
    return (2 * option.value, option.value // 2) if isinstance(option.value, int) and option.value > 1 else ()


REFUSED = {(name, "full") for name in recipes if not entry(recipe(name).offline().data.name)[0].has_full_set}
"""There is no full set of points."""
REFUSED |= {
    (name, "lazy-adam")
    for name, entry_ in recipes.items()
    if "lazy-adam" in options(entry_) and not any(term.every > 1 for term in entry_.play.terms)
}
"""Their terms are computed at every update."""
REFUSED |= {
    (name, option)
    for name, chosen in recipes.items()
    for option in {"label-dropout", "guidance"} & options(chosen).keys()
    if not options(chosen)["classes"].value
}
"""Their networks see no classes."""
REFUSED |= {("ddpm-faces", "classes"), ("flow-digits", "classes")}
"""Faces are described by factors; without classes, there are no labels that could be dropped."""
NEEDS: dict[tuple[str, str], dict[str, Any]] = {
    ("biggan-cifar", "attention-at"): {"attention": "released"},
    ("ring-ddpm", "eta"): {"sampler": "ddim"},
    ("ring-flow", "eta"): {"sampler": "ddim"},
    ("flow-digits", "eta"): {"sampler": "ddim"},
}
"""What else to ask for where an option says how something is done that the recipe leaves out."""
EVERY = [(name, option) for name in sorted(recipes) for option in options(recipe(name))]


@pytest.mark.parametrize(("name", "option"), EVERY)
def test_every_option_of_every_recipe_changes_what_is_kept_or_is_refused(name, option):
    base = lively(recipe(name)).changed(**NEEDS.get((name, option), {}))
    known = options(base)[option]
    reasons = check_each(base, option, others(known))
    if reasons and of_another_size(known):
        reasons = check_each(base, option, of_another_size(known))
    assert not reasons or (name, option) in REFUSED, f"every other value is refused: {reasons}"
    assert reasons or (name, option) not in REFUSED


def test_a_twin_that_does_nothing_is_found():
    """The same seed said twice: what the test above must not let pass."""
    base = tiny(recipe("ring"))
    with pytest.raises(AssertionError, match="--seed 0 does nothing"):
        check_each(base, "seed", (0,))


def test_of_an_option_that_can_t_be_changed_the_reasons_are_named():
    (reason,) = check_each(tiny(recipe("ring")), "data", ("digits",))
    assert (
        reason == "--data digits: MLP makes points, not 28 × 28 images of 1 channel; take another recipe or other data"
    )


@dataclass(frozen=True)
class DeadMLP(MLP):
    """Networks of points whose discriminator has no gradient below eight units, as if no option had an effect."""

    def discriminator(self, fits: Signature) -> nn.Module:
        discriminator = super().discriminator(fits)
        if self.width < 8:
            discriminator.register_forward_hook(lambda module, inputs, scores: 0 * scores)
        return discriminator


def test_a_recipe_is_tried_at_a_width_at_which_it_learns():
    assert lively(recipe("ring")) == tiny(recipe("ring"))
    plain = replace(recipe("ring"), play=replace(recipe("ring").play, family=DeadMLP(), terms=()))
    assert options(lively(plain))["width"].value == 8
    with pytest.raises(AssertionError, match="does nothing"):
        check_each(tiny(plain), "objective", ("least-squares",))
    with pytest.raises(pytest.fail.Exception, match="ring: three steps change nothing of what is kept"):
        lively(plain.changed(learning_rate=0.0))


# Speed


def refusal(chosen: Recipe, arithmetic: Arithmetic) -> str | None:
    """Why a recipe can't be computed in a way; None if it can."""
    try:
        arithmetic.check(chosen.signature())
        build(chosen, arithmetic=arithmetic)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", sorted(recipes))
@pytest.mark.parametrize("option", list(options(REFERENCE)))
def test_every_option_of_speed_is_a_technique_or_is_refused(name, option):
    base = tiny(recipe(name))
    (value,) = (value for value in others(options(REFERENCE)[option]))
    arithmetic = REFERENCE.changed(**{option.replace("-", "_"): value})
    reason = refusal(base, arithmetic)
    if reason is not None:
        assert reason.startswith(("channels_last lays out images, and the data is points", "precision 'bf16-mixed'"))
        return
    built = build(base, arithmetic=arithmetic)
    assert built.techniques
    assert len(set(built.techniques)) == len(built.techniques)
    next(built.trainer.steps(1))


@pytest.mark.parametrize("beside", ["channels_last", "fused"])
def test_what_fast_holds_is_refused_beside_it(beside):
    with pytest.raises(ValueError, match="fast holds channels_last and fused"):
        Arithmetic(fast=True, **{beside: True})


# Terms, remedies and families that a recipe can be given


def concrete(base: type[Value]) -> list[type[Value]]:
    """The package's own kinds of a base."""
    kinds = [kind for kind in Value.kinds.values() if issubclass(kind, base) and not is_abstract(kind)]
    return [kind for kind in kinds if kind.__module__.startswith("gancourse.")]


def fields_of(*bases: type[Value]) -> list[tuple[type[Value], str]]:
    return [(kind, name) for base in bases for kind in concrete(base) for name in hints(kind)]


RING = tiny(recipe("ring")).changed(terms=(), batch_size=48, average_kimg=0.0, learning_rate=0.02)
STEEP = RING.changed(objective="wasserstein", n_critic=4, learning_rate=0.2, steps=4)
"""Its critic's gradient soon exceeds one, below which a one-sided penalty is zero."""

PLAIN_PROGAN = tiny(recipe("progan-faces")).changed(remedies=())
PLAIN_STYLEGAN2 = tiny(recipe("stylegan2-faces")).changed(terms=())


@pytest.mark.parametrize(("kind", "field"), fields_of(Term, Remedy))
def test_every_setting_of_a_term_or_remedy_changes_what_is_kept(kind, field):
    place = "terms" if issubclass(kind, Term) else "remedies"
    usual = USUAL.get(kind, kind())
    (value, *_) = (v for v in of_hint(hints(kind)[field], getattr(usual, field)) if v != getattr(usual, field))
    plains = {terms.OneSidedGradientPenalty: STEEP, GrowingRemedy: PLAIN_PROGAN, PathLength: PLAIN_STYLEGAN2}
    plains[terms.Transport] = RING.changed(latent_size=2)
    plain = plains.get(kind, RING)
    base = plain.changed(**{place: (usual,)})
    assert differ(kept_of_base(base), kept_of_base(plain))
    assert differ(kept(plain.changed(**{place: (usual.changed(**{field: value}),)})), kept_of_base(base))


FAMILIES = {
    "MLP": RING,
    "MLP, every extra": RING.changed(n_reference=4, dropout=0.3, n_kernels=2),
    "EnergyMLP": RING.changed(family=EnergyMLP(latent_size=4, width=4), objective="ebgan-margin-1"),
    "DCGAN, no norm": tiny(recipe("dcgan-digits")).changed(discriminator_norm="none"),
    "DCGAN, spectral": tiny(recipe("dcgan-digits")).changed(discriminator_norm="spectral"),
    "DCGAN, all broken": tiny(recipe("dcgan-digits")).changed(
        strided=False, batch_norm="everywhere", convolutional=False, activations=False
    ),
    "ResNet": tiny(recipe("resnet-digits")),
    "StyleGAN": tiny(recipe("stylegan2-faces").changed(family=StyleGAN())),
    "StyleGAN3": tiny(recipe("stylegan2-faces").changed(family=StyleGAN3(), n_critical=1)),
    "SAGAN": tiny(recipe("biggan-faces")).changed(family=SAGAN(latent_size=4, width=4, attention_at=16)),
}


@pytest.mark.parametrize(
    ("name", "option"), [(n, o) for n, base in FAMILIES.items() for o in options(base.play.family)]
)
def test_every_option_of_every_family_changes_what_is_kept(name, option):
    base = FAMILIES[name]
    assert check_each(base, option, others(options(base)[option])) == []


def test_no_option_of_a_family_has_been_forgotten():
    tried = {type(base.play.family) for base in [*FAMILIES.values(), *map(recipe, recipes)]}
    assert tried == set(concrete(Family))
