"""Networks for points with a condition: formulas, who sees the condition where, and messages."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.models import AuxiliaryMLP, ConditionalMLP, mlp
from gancourse.models.blocks import n_parameters
from gancourse.models.conditional_mlp import Discriminator, Generator
from gancourse.signature import Classes, Factors, Packs, Signature

CLASSES = Classes(("a", "b", "c"))
PLANE = Signature((2,), CLASSES)
Y = torch.tensor([0, 2, 1, 2, 0])


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def copied(to, of):
    """A network with the other one's weights, in the order of their layers."""
    for weight, value in zip(to.parameters(), of.parameters(), strict=True):
        weight.data.copy_(value)
    return to


def test_concatenation_in_both_networks_is_one_hot_beside_the_input():
    """The networks of chapter 5's conditional remedies, but for a bias of the last score."""
    G, D = Generator(4, 8, 2, condition=CLASSES), Discriminator(8, 2, condition=CLASSES, how="concatenation")
    theirs = copied(mlp.Generator(4, 8, 2, n_classes=3), G)
    assert_close(G(draw(5, 4), Y), theirs(draw(5, 4), Y))
    critic = mlp.Discriminator(8, 2, n_classes=3)
    last = critic.layers[-2]
    critic.layers[-2] = nn.Linear(8, 1, bias=False)
    copied(critic, D)
    assert last.bias is not None
    assert_close(D(draw(5, 2), Y), critic(draw(5, 2), Y))


def test_conditional_batch_norm_stands_after_each_hidden_linear_layer():
    G = Generator(4, 8, 2, condition=CLASSES, how="batch-norm")
    for part in G.layers.parts:
        for i, weight in enumerate(part.parameters()):
            weight.data += draw(*weight.shape, seed=i)
    (first,), one, (_, second), two, (_, last) = G.layers.parts
    hidden = one(first(draw(5, 4)), torch.eye(3)[Y]).relu()
    assert_close(G(draw(5, 4), Y), last(two(second(hidden), torch.eye(3)[Y]).relu()))


def test_a_projection_discriminator_s_features_don_t_depend_on_the_label_and_its_scores_do():
    D = Discriminator(8, 1, condition=CLASSES, how="projection")
    x, other = draw(5, 2), (Y + 1) % 3
    assert_close(D.features(x, Y), D.features(x, other))
    assert (D(x, Y) != D(x, other)).all()
    weight, bias = D.body[0].weight, D.body[0].bias
    phi = (x @ weight.T + bias).clamp(min=0)
    expected = (phi * (D.head.embedding.weight.T[Y] + D.head.score.weight)).sum(1)
    assert_close(D(x, Y), expected)


@pytest.mark.parametrize("how", ["concatenation", "projection", "none"])
def test_scores_are_the_head_s_of_the_features_and_conditional_says_whether_y_is_seen(how):
    D = ConditionalMLP(4, 8, discriminator_condition=how).discriminator(PLANE)
    assert D.conditional == (how != "none")
    arguments = (draw(5, 2), Y) if D.conditional else (draw(5, 2),)
    assert D.features(*arguments).shape == (5, 8)
    if how == "none":
        assert_close(D(*arguments), D.head(D.features(*arguments)))


def test_packs_and_factors_are_conditions_too():
    packs = Signature((4,), Packs(CLASSES, 2))
    for how in ("concatenation", "projection"):
        D = ConditionalMLP(4, 8, discriminator_condition=how).discriminator(packs)
        assert D(draw(5, 4), torch.stack([Y, Y], 1)).shape == (5,)
    factors = Signature((2,), Factors(("size",)))
    for how in ("concatenation", "batch-norm"):
        G = ConditionalMLP(4, 8, generator_condition=how).generator(factors)
        assert G(draw(5, 4), torch.rand(5, 1)).shape == (5, 2)


def test_an_auxiliary_discriminator_is_the_unconditional_one_and_its_heads_read_its_features():
    family = AuxiliaryMLP(4, 8)
    D, plain = family.discriminator(PLANE), mlp.Discriminator(8, 2)
    assert n_parameters(D) == n_parameters(plain) - 1  # no bias of the score
    features = D.features(draw(5, 2))
    assert family.class_head(PLANE)(features).shape == (5, 3)
    assert family.recogniser(PLANE, 7)(features).shape == (5, 7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConditionalMLP().generator(Signature((2,))), "ConditionalMLP makes samples of a condition, but the d"),
        (lambda: ConditionalMLP().discriminator(Signature((2,))), "the data has no labels or other y; pass data with"),
        (lambda: AuxiliaryMLP().class_head(Signature((2,))), "AuxiliaryMLP makes samples of a condition, but the data"),
        (
            lambda: AuxiliaryMLP().class_head(Signature((2,), Factors(("size",)))),
            "AuxiliaryMLP classifies samples, but the data's y is of the kind factors; pass data whose y is classes",
        ),
        (lambda: Discriminator(how="projection"), "a discriminator with projection needs a condition; pass condition="),
        (lambda: Generator(4, condition=CLASSES)(draw(5, 3), Y), r"z has shape \(5, 3\); expected \[batch, 4\]"),
        (lambda: Generator(4, condition=CLASSES)(draw(5, 4)), "Generator is conditional, but y is None; pass y"),
        (lambda: Generator(4, condition=CLASSES)(draw(5, 4), Y + 1), "labels run from 1 to 3; expected 0 to 2"),
        (
            lambda: Discriminator(condition=CLASSES, how="projection")(draw(5, 3), Y),
            r"x has shape \(5, 3\); expected \[batch, 2\]",
        ),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
