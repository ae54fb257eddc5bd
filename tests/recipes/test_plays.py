"""Plays: whoever has a recipe asks its play for samples and metrics, and needs to know no kind of it."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import cli, data, plots, recipes, zoo
from gancourse.batch import Batch
from gancourse.data.catalogue import Entry, data_sets
from gancourse.games import Player
from gancourse.games.game import is_conditional
from gancourse.models import MLP, ResNet, SmallClassifier, mlp
from gancourse.recipes import Adversarial, Classifying, Data, Play, Recipe, Training, Variational, generated, recipe
from gancourse.recipes.plays import check_request, in_parts
from gancourse.recipes.plays.regressing import errors_by_factor
from gancourse.rng import Noise
from gancourse.signature import Factors
from gancourse.zoo.watching import Watcher

MAKERS = [name for name, chosen in recipes.recipes.items() if chosen.play.makes_samples]


def tiny(name):
    chosen = recipe(name).offline()
    if hasattr(chosen.play.family, "widths"):
        return chosen.changed(widths=(4, 4, 4, 4)) if isinstance(chosen.play.family.widths, tuple) else chosen
    return chosen.changed(width=4) if hasattr(chosen.play.family, "width") else chosen


@pytest.mark.parametrize("name", sorted(recipes.recipes))
def test_what_is_kept_has_the_weights_of_networks_that_are_trained(name):
    chosen = tiny(name)
    game = chosen.play.game(chosen.signature())
    assert all(isinstance(player, Player) for player in game.players)
    assert {*chosen.play.averaged, *chosen.play.rates()} <= {player.name for player in game.players}
    kept = chosen.play.kept({player.name: player.network for player in game.players})
    trained = {id(weight) for player in game.players for weight in player.network.parameters()}
    assert {id(weight) for weight in kept.parameters()} <= trained
    assert chosen.play.untrained(chosen.signature()).state_dict().keys() == kept.state_dict().keys()


@pytest.mark.parametrize("name", MAKERS)
def test_samples_fit_the_data_and_are_the_seed_s_alone(name):
    chosen = tiny(name)
    network, source = zoo.untrained(chosen), chosen.source()
    samples = chosen.play.sample(network, source, 5)
    assert samples.shape == (5, *chosen.real().signature.shape)
    assert torch.equal(chosen.play.sample(network, source, 5), samples)
    assert not torch.equal(chosen.play.sample(network, source, 5, seed=1), samples)
    assert network.training
    with pytest.raises(ValueError, match="n is 0; ask for at least 1 sample"):
        chosen.play.sample(network, source, 0)
    y = source(Noise((0,), 5)).y
    if is_conditional(network):
        assert torch.equal(chosen.play.sample(network, source, 5, y=y), chosen.play.sample(network, source, 5, y=y))
        with pytest.raises(ValueError, match="y has 5 rows; expected n = 2"):
            chosen.play.sample(network, source, 2, y=y)
        return
    with pytest.raises(ValueError, match="takes no condition; leave y out"):
        chosen.play.sample(network, source, 5, y=torch.zeros(5).long() if y is None else y)


def test_a_classifier_makes_no_samples_and_is_measured_by_its_accuracy():
    chosen = recipe("digits-classifier")
    network = zoo.untrained(chosen)
    with pytest.raises(ValueError, match="a classifier makes no samples; measure it with `gancourse evaluate`"):
        chosen.play.sample(network, chosen.source(), 3)
    (metric,) = zoo.evaluate(network, chosen, 100)
    assert metric == "accuracy(100 test)"
    always_three = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    nn.init.zeros_(always_three[1].weight)
    always_three[1].bias.data = torch.eye(10)[3]
    threes = (data.load("digits", "test").first(2000).y == 3).double().mean().item()
    assert zoo.evaluate(always_three, chosen)["accuracy(2k test)"] == pytest.approx(threes)


def test_a_regressor_s_errors_are_also_reported_of_the_faces_that_show_the_factor():
    chosen = recipe("faces-regressor")
    metrics = zoo.evaluate(zoo.untrained(chosen), chosen, 50)
    shown = data.faces.visible(data.load("faces", "test").first(50).y)
    n_with_hair = int(shown[:, list(data.faces.FACTORS).index("parting")].sum())
    assert n_with_hair < 50
    assert f"parting: mean error where visible({n_with_hair} of 50 test)" in metrics
    assert "smile: mean error(50 test)" in metrics
    assert not any("smile" in name and "where visible" in name for name in metrics)


def test_errors_where_visible_leave_out_what_the_picture_does_not_show():
    condition = Factors(("height", "kind"), (0, 2), visible=lambda y: y > 0.2)
    truth = torch.tensor([[0.5, 0.75], [0.1, 0.25], [0.7, 0.25], [0.9, 0.1]])
    readings = torch.tensor([[0.6, 0.75], [0.9, 0.75], [0.7, 0.75], [0.7, 0.9]])
    expected = {
        "height: mean error(4 test)": (0.1 + 0.8 + 0 + 0.2) / 4,
        "height: mean error where visible(3 of 4 test)": (0.1 + 0 + 0.2) / 3,
        "kind: accuracy(4 test)": 1 / 4,
        "kind: accuracy where visible(3 of 4 test)": 1 / 3,
    }
    assert errors_by_factor(readings, truth, condition) == pytest.approx(expected)
    # Nothing is said of samples that show nothing.
    hidden = Factors(("height", "kind"), (0, 2), visible=lambda y: y > 1)
    assert len(errors_by_factor(readings, truth, hidden)) == 2


class Labelled(nn.Module):
    """A generator that shows its label."""

    latent_size, conditional = 2, True

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, z, y):
        return torch.stack([y.float() * self.scale, z[:, 0]], 1)


def test_conditions_are_the_data_s_unless_they_are_passed():
    source = data.load("ring")
    made = generated(Labelled(), 6, seed=3, source=source)
    assert torch.equal(made[:, 0].long(), source(Noise((3, "evaluation"), 6)).y)
    y = torch.tensor([1, 1, 2, 2, 3, 3])
    passed = generated(Labelled(), 6, seed=3, y=y, source=source)
    assert torch.equal(passed[:, 0].long(), y)
    assert torch.equal(passed[:, 1], made[:, 1])  # of the same latents


def test_missing_and_ill_fitting_conditions_are_refused():
    class Bare:
        def __call__(self, noise):
            return Batch(torch.zeros(noise.n, 2))

    with pytest.raises(ValueError, match="Labelled makes samples of a condition; pass y"):
        generated(Labelled(), 3)
    with pytest.raises(ValueError, match="pass y"):
        generated(Labelled(), 3, source=Bare())
    with pytest.raises(ValueError, match="y has 2 rows; expected n = 3"):
        generated(Labelled(), 3, y=torch.zeros(2).long())
    with pytest.raises(ValueError, match="Linear has no latent_size, so it is no generator of latents"):
        generated(nn.Linear(2, 2), 3)


def test_parts_give_what_the_whole_gives_and_leave_modes_as_they_were():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Dropout(0.9))
    network[1].eval()
    x = torch.randn(1203, 3, generator=torch.Generator().manual_seed(0))
    sizes = []

    def function(part, nothing):
        assert nothing is None
        sizes.append(len(part))
        return network(part)

    made = in_parts(network, function, x, None)
    assert sizes == [500, 500, 203]
    assert [m.training for m in network] == [True, False, True]
    assert not made.requires_grad
    assert_close(made, network.eval()(x).detach())
    network.train()
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        in_parts(network, network, torch.zeros(2, 7))
    assert all(m.training for m in network.modules())


class Mover(nn.Module):
    """Doubles points: exact for a ring of twice the radius and spread."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.factor * x


class Distance:
    """A game of one player, who brings squared lengths to those of the second domain."""

    def __init__(self, network):
        self.network, self.players = network, (Player("mover", network, self.terms),)

    def terms(self, batch, noise):
        gap = self.network(batch.x).square().sum(1) - batch.other.square().sum(1)
        return {"gap": gap.square()}


@dataclass(frozen=True)
class Moving(Play):
    """A play whose samples should be like the second domain."""

    def game(self, fits):
        return Distance(Mover())

    def kept(self, networks):
        return networks["mover"]

    def target(self, data):
        return data.domain(1)

    def sample(self, network, source, n, seed=0, y=None):
        check_request(network, n, y)
        return in_parts(network, network, source(Noise((seed, "evaluation"), n)).x)


class Astray(Moving):
    """The twin: it doesn't say so."""

    def target(self, data):
        return data


def rings(monkeypatch):
    """A ring of radius 2, and one of radius 4, as data sets of the catalogue with a judge of modes each."""
    for name, radius, std in (("inner", 2.0, 0.1), ("outer", 4.0, 0.2)):
        entry = Entry("a ring", lambda request, radius=radius, std=std: data.ring(radius=radius, std=std))
        monkeypatch.setitem(data_sets, name, entry)
        monkeypatch.setitem(zoo.JUDGES, name, zoo.JUDGES["ring"])


def test_samples_are_compared_with_what_the_play_says_they_should_be_like(monkeypatch, tmp_path):
    """Metrics, looks and the picture of `gancourse sample`; a twin that doesn't say so is far from the wrong ring."""
    rings(monkeypatch)
    results, radii = [], []
    monkeypatch.setattr(plots, "points", lambda real, *others: radii.append(real.norm(dim=1).mean().item()))
    for play in (Moving(), Astray()):
        folder = tmp_path / type(play).__name__
        chosen = Recipe("moving", "a test", Data("unpaired:inner,outer"), play, Training(steps=1, learning_rate=0.0))
        watcher = Watcher(folder)
        (row,) = [watcher.look(progress) for progress in recipes.train(chosen, folder)]
        results.append((zoo.trained(folder).evaluate(1000), row["metrics"]))
        cli.main(["sample", str(folder), "--n", "100", "--out", str(tmp_path / "s.png")])
    for metrics in results[0]:
        assert metrics["modes"] == 8
        assert metrics["share within 3σ"] > 0.95
    for metrics in results[1]:  # nobody judges a pair of data sets, so these are distances of coordinates
        assert metrics["sliced W2(coordinates, 1k/1k)"] > 1
    assert radii == pytest.approx([4, 2], abs=0.2)


def test_data_of_one_domain_is_no_target_of_a_translation():
    with pytest.raises(ValueError, match=r"data 'ring' has 1 domain, but number 2 is asked for; pass two data sets"):
        Moving().target(Data("ring"))
    assert Moving().target(Data("unpaired:ring,grid")) == Data("grid")
    assert recipe("dcgan-fashion").target() == recipe("dcgan-fashion").data


@pytest.mark.parametrize(
    ("play", "family", "message"),
    [
        (
            Adversarial,
            SmallClassifier(),
            "generator and discriminator, but SmallClassifier makes no generator and no disc",
        ),
        (Variational, MLP(), "Variational asks its family for decoder and encoder, but MLP makes no decoder; take"),
        (Classifying, ResNet(), "Classifying asks its family for classifier, but ResNet makes no classifier; take"),
    ],
)
def test_a_family_without_the_networks_of_a_play_is_refused(play, family, message):
    with pytest.raises(ValueError, match=message):
        play(family)


@pytest.mark.parametrize("name", sorted(recipes.recipes))
def test_a_play_says_what_it_asks_its_family_for(name):
    play = recipe(name).play
    assert play.asks_for
    assert all(callable(getattr(play.family, asked)) for asked in play.asks_for)


def test_a_play_s_images_have_the_size_of_its_family_s():
    assert [recipe(name).play.image_size for name in ("ring", "resnet-digits", "digits-classifier")] == [None, 32, 28]
    assert Moving().image_size is None


class Memoriser(nn.Module):
    """A generator without a weight."""

    latent_size = 2

    def forward(self, z):
        return data.load("ring").means[(z[:, 0] > 0).long()]


def test_a_generator_without_weights_makes_samples_and_is_judged():
    found = zoo.evaluate(Memoriser(), recipe("ring"), 500)
    assert (found["modes"], found["share within 3σ"]) == (2, 1.0)


def test_the_generator_s_rate_is_the_play_s():
    built = recipes.build(recipe("ring").changed(width=4, generator_rate=0.25))
    rates = {name: optimiser.param_groups[0]["lr"] for name, optimiser in built.trainer.optimisers.items()}
    assert rates["generator"] == rates["discriminator"] / 4


def test_packs_reach_the_discriminator_and_leave_the_generator_alone():
    from gancourse.games import PackingRemedy

    game = (
        recipe("ring").changed(width=4, terms=(), remedies=(PackingRemedy(3),)).play.game(data.load("ring").signature)
    )
    assert isinstance(game.discriminator, mlp.Discriminator)
    assert game.discriminator.dimensions == 6
    assert game.generator(torch.zeros(2, 8)).shape == (2, 2)
