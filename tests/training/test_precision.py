"""What may be changed about a training's arithmetic, and what each change leaves as it was."""

from functools import partial

import pytest
import torch
from torch import nn

from gancourse import data, models, objectives
from gancourse.games import GAN, Player, penalty
from gancourse.rng import initialised_from
from gancourse.training import CheckpointError, Trainer, adam, has_bf16, load_checkpoint, precision, save_checkpoint

CPU = torch.device("cpu")
RING, DIGITS = data.ring(std=0.1), data.digits("test")
needs_bf16 = pytest.mark.skipif(not has_bf16(CPU), reason="this processor has no bfloat16 arithmetic")
FAST = {"precision": "bf16-mixed", "channels_last": True, "optimiser": adam(fused=True)}


def dcgan(*penalties, guidelines=None):
    with initialised_from(0, "test"):
        generator = models.dcgan.Generator(8, 8, guidelines=guidelines)
        return GAN(
            generator, models.dcgan.Discriminator(8, guidelines=guidelines), objectives.non_saturating, penalties
        )


def gradients(trainer):
    """The discriminator's gradients at its first update, in one vector."""
    trainer.update()
    return torch.cat([p.grad.flatten() for p in trainer.players["discriminator"].network.parameters()])


class Spied:
    """A game of one player that writes down the types of what it computes."""

    def __init__(self):
        self.inside = []
        with initialised_from(0, "test"):
            self.network = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1))
        self.network[1].register_forward_pre_hook(lambda module, inputs: self.inside.append(inputs[0].dtype))
        self.players = (Player("a", self.network, self.terms),)

    def terms(self, batch, noise):
        """Scores from the whole network, and from its layers one by one."""
        self.scores = self.network(batch.x)
        self.hidden = self.network[0](batch.x)
        return {"loss": self.scores.square().squeeze(1) + self.network[1](self.hidden).square().squeeze(1)}


@needs_bf16
def test_networks_compute_in_bfloat16_and_hand_on_float32_however_they_are_called():
    game = Spied()
    Trainer(game, RING, batch_size=8, precision="bf16-mixed").update()
    assert game.inside[0] == torch.bfloat16
    assert game.scores.dtype == game.hidden.dtype == torch.float32
    assert torch.equal(game.scores, game.scores.bfloat16().float())  # it was rounded on its way


@needs_bf16
def test_outside_of_updates_the_same_network_computes_in_float32():
    game = Spied()
    Trainer(game, RING, batch_size=8, precision="bf16-mixed").update()
    game.inside.clear()
    game.network(torch.ones(2, 2))
    assert game.inside == [torch.float32]


@needs_bf16
def test_an_error_inside_a_network_ends_autocast():
    game = Spied()
    trainer = Trainer(game, lambda noise: RING(noise)._replace(x=torch.ones(8, 3)), batch_size=8, **FAST)
    with pytest.raises(RuntimeError, match="shape"):
        trainer.update()
    assert not torch.is_autocast_enabled("cpu")
    trainer.batches = RING
    trainer.update()
    assert game.scores.dtype == torch.float32


@needs_bf16
@pytest.mark.parametrize("function", [objectives.r1, objectives.r2, objectives.gradient_penalty])
def test_bfloat16_gradients_point_where_float32s_do_through_both_derivatives_of_a_penalty(function):
    settings = {"batch_size": 32, "optimiser": partial(torch.optim.SGD, lr=0.0)}
    exact, rounded, without = (
        gradients(Trainer(dcgan(*penalties), DIGITS, precision=kind, **settings))
        for kind, penalties in (
            ("32-true", [penalty(function, 10.0)]),
            ("bf16-mixed", [penalty(function, 10.0)]),
            ("bf16-mixed", []),
        )
    )
    assert rounded.dtype == torch.float32
    assert torch.cosine_similarity(exact, rounded, 0) > 0.99
    assert torch.cosine_similarity(exact, without, 0) < 0.99  # the twin: a penalty that isn't differentiated


@needs_bf16
def test_estimates_of_spectral_norm_are_unit_vectors_under_autocast_too():
    with initialised_from(0, "test"):
        layer = models.spectral.spectral_norm(nn.Linear(64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.ones(1, 64))
    u = layer.parametrizations.weight[0].u
    torch.testing.assert_close(u.norm(), torch.tensor(1.0), rtol=0, atol=1e-6)
    assert abs(u.bfloat16().float().norm() - 1) > 1e-6  # the twin: what rounding would leave


@needs_bf16
def test_averages_are_free_of_the_rounding():
    trainer = Trainer(dcgan(), DIGITS, batch_size=4, averages={"generator": 1.0}, precision="bf16-mixed")
    assert not any(module._forward_hooks for module in trainer.averages["generator"].network.modules())
    assert all(module._forward_hooks for module in trainer.players["generator"].network.modules())


def upsampling(fold=None):
    """A game of networks with something to fold in both of them, folded or plain."""
    with initialised_from(0, "test"):
        game = dcgan(guidelines=models.dcgan.Guidelines(strided=False, batch_norm="nowhere"))
        head = nn.Sequential(nn.Conv2d(16, 4, 3, padding=1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 1))
    game.discriminator.head = nn.Sequential(*head, nn.Flatten(0))
    if fold is not None:
        fold(game.generator), fold(game.discriminator)
    return game


def called(game):
    """What the discriminator's folded head calls."""
    return [call.module for call in game.discriminator.head._current_calls()]


@needs_bf16
def test_folded_networks_use_their_forms_under_bfloat16_and_those_compute_in_it():
    fast = {"precision": "bf16-mixed", "batch_size": 8}
    before, after = upsampling(models.folded), upsampling()
    trainers = Trainer(before, DIGITS, **fast), Trainer(after, DIGITS, **fast)
    models.folded(after.generator), models.folded(after.discriminator)
    dtypes = []
    for form in called(before)[:2]:
        assert type(form) in (models.PooledConvolution, models.FlattenedLinear)
        form.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    rounded = [gradients(trainer) for trainer in trainers]
    assert dtypes
    assert set(dtypes) == {torch.bfloat16}
    assert torch.equal(*rounded)
    exact, plain = (
        gradients(Trainer(upsampling(), DIGITS, batch_size=8)),
        gradients(Trainer(upsampling(), DIGITS, **fast)),
    )
    assert torch.cosine_similarity(exact, rounded[0], 0) > 0.99
    assert not torch.equal(plain, rounded[0])  # the twin: had the layers been called themselves


@needs_bf16
def test_parts_of_folded_networks_hand_on_float32_and_an_error_inside_ends_autocast():
    game = upsampling(models.folded)
    mixed = precision.MixedPrecision([game.generator, game.discriminator], CPU)
    x = torch.randn(2, 16, 7, 7)
    head = game.discriminator.head
    with mixed.active():
        calls = [head(x), head[0](x), called(game)[0](x)]
        others = [head[:2](x), head.forward(x)]  # each of their layers is the outermost call
    assert {y.dtype for y in (*calls, *others)} == {torch.float32}
    assert all(torch.equal(y, y.bfloat16().float()) for y in calls)
    assert torch.equal(called(game)[0](x), models.PooledConvolution(head[0])(x))  # in float32 outside
    with pytest.raises(RuntimeError, match="expected"), mixed.active():
        head(torch.randn(2, 3, 7, 7))
    assert not torch.is_autocast_enabled("cpu")
    with mixed.active():
        assert torch.equal(head(x), calls[0])


def test_the_average_of_a_folded_network_is_folded_and_computes_with_the_average_s_weights():
    game = upsampling(models.folded)
    trainer = Trainer(game, DIGITS, batch_size=4, averages={"generator": 0.01})
    z = torch.randn(3, 8)
    for _ in trainer.steps(2):
        trainer.averages["generator"].network(z)
    average, plain = trainer.averages["generator"].network, upsampling().generator.eval()
    assert models.fold_if_possible(average) == {"TransposedConvolution": 1, "UpsampledConvolution": 2}
    plain.load_state_dict(average.state_dict())
    torch.testing.assert_close(average(z), plain(z))
    assert (average(z) - game.generator.eval()(z)).abs().max() > 1e-5


@needs_bf16
def test_a_fast_training_that_was_resumed_is_bit_equal_to_one_that_never_stopped(tmp_path):
    def new():
        return Trainer(dcgan(penalty(objectives.r1, 1.0, every=2)), DIGITS, batch_size=8, **FAST)

    whole, stopped, resumed = new(), new(), new()
    for _ in whole.steps(5):
        pass
    for _ in stopped.steps(2):
        pass
    stopped.update()
    save_checkpoint(tmp_path / "c.safetensors", stopped)
    load_checkpoint(tmp_path / "c.safetensors", resumed)
    for _ in resumed.until(5):
        pass
    for name, player in whole.players.items():
        for a, b in zip(player.network.parameters(), resumed.players[name].network.parameters(), strict=True):
            assert torch.equal(a, b)


@needs_bf16
def test_a_checkpoint_of_another_precision_is_refused_unless_it_is_only_looked_at(tmp_path):
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, Trainer(dcgan(), DIGITS, precision="bf16-mixed"))
    trainer = Trainer(dcgan(), DIGITS)
    with pytest.raises(CheckpointError, match="saved with precision=bf16-mixed, not 32-true"):
        load_checkpoint(path, trainer)
    assert load_checkpoint(path, trainer, to_go_on=False) == {}


def test_an_unknown_precision_or_one_that_the_processor_lacks_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="precision is 'bf16'; pass one of 32-true, bf16-mixed"):
        Trainer(dcgan(), DIGITS, precision="bf16")
    monkeypatch.setattr(precision, "has_bf16", lambda device: False)
    with pytest.raises(ValueError, match="this cpu has no bfloat16 arithmetic; pass '32-true'"):
        Trainer(dcgan(), DIGITS, precision="bf16-mixed")


@pytest.mark.parametrize("settings", [{"channels_last": True}, {"optimiser": adam(fused=True)}])
def test_channels_last_and_fused_adam_change_last_bits_only(settings):
    weights = []
    for changes in ({}, settings):
        # Without BatchNorm: Adam makes full steps of the rounding in gradients that are zero otherwise.
        game = dcgan(guidelines=models.dcgan.Guidelines(batch_norm="nowhere"))
        trainer = Trainer(game, DIGITS, batch_size=8, **{"optimiser": adam()} | changes)
        for _ in trainer.steps(3):
            pass
        weights.append([p.detach() for player in game.players for p in player.network.parameters()])
    for a, b in zip(*weights, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_channels_last_reaches_images_kernels_and_gradients():
    seen = []

    def watch(module, inputs):
        seen.append(inputs[0].is_contiguous(memory_format=torch.channels_last))

    game = dcgan()
    game.discriminator.body[3].register_forward_pre_hook(watch)
    trainer = Trainer(game, DIGITS, batch_size=4, channels_last=True)
    trainer.update()
    kernel = game.discriminator.body[3].weight
    assert seen
    assert all(seen)
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert kernel.grad.is_contiguous(memory_format=torch.channels_last)
    assert not kernel.is_contiguous()


def test_fused_adam_is_one_kernel():
    weights = [torch.zeros(1, requires_grad=True)]
    assert adam(fused=True)(weights).defaults["fused"]
    assert not adam()(weights).defaults["fused"]
