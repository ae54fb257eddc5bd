import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gancourse.models import folding, folds
from gancourse.models.spectral import spectral_norm

UP = nn.Upsample(scale_factor=2)
DOWN = nn.AvgPool2d(2)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def convolution(size: int = 3, bias: bool = True) -> nn.Conv2d:
    torch.manual_seed(1)
    return nn.Conv2d(3, 4, size, padding=size // 2, bias=bias).double()


def called(chain: nn.Sequential) -> list[nn.Module]:
    """What a folded chain calls, one after another."""
    return [call.module for call in chain._current_calls()]


def kinds(chain: nn.Sequential) -> list[type]:
    return [type(module) for module in called(chain)]


def gradients(network: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    y = network(x)
    weights = list(network.parameters())
    return torch.autograd.grad((y * random(*y.shape)).sum(), [x, *weights])


def penalty_gradients(network: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Gradients of a squared slope: they need the second derivative."""
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network(x).tanh().sum(), x, create_graph=True)
    return torch.autograd.grad(slope.square().sum(), list(network.parameters()), allow_unused=True)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("order", ["up", "down"])
@pytest.mark.parametrize("image", [(6, 8), (7, 5)])
def test_folded_equals_unfolded_in_values_and_gradients(size: int, bias: bool, order: str, image: tuple[int, int]):
    c = convolution(size, bias)
    slow = nn.Sequential(UP, c) if order == "up" else nn.Sequential(c, DOWN)
    fast = folding.folded(copy.deepcopy(slow))
    assert kinds(fast) == [folds.UpsampledConvolution if order == "up" else folds.PooledConvolution]
    x = random(2, 3, *image)
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(fast, x), gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", ["up", "down"])
def test_second_derivatives_agree(order: str):
    slow = nn.Sequential(UP, convolution()) if order == "up" else nn.Sequential(convolution(), DOWN)
    fast = folding.folded(copy.deepcopy(slow))
    x = random(2, 3, 6, 6)
    for a, b in zip(penalty_gradients(fast, x), penalty_gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_upsampling_needs_four_ninths_of_the_multiplications_and_so_does_pooling():
    for slow in (nn.Sequential(UP, nn.Conv2d(8, 8, 3, padding=1)), nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), DOWN)):
        counts = []
        for network in (slow, folding.folded(copy.deepcopy(slow))):
            with FlopCounterMode(display=False) as counter:
                network(torch.zeros(1, 8, 16, 16))
            counts.append(counter.get_total_flops())
        assert 9 * counts[1] == 4 * counts[0]


def test_a_spectrally_normalised_convolution_folds():
    slow = nn.Sequential(spectral_norm(convolution()), DOWN).eval()
    fast = folding.folded(copy.deepcopy(slow))
    x = random(2, 3, 6, 6)
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)


def test_networks_inside_networks_are_folded_and_the_rest_is_left_alone():
    inner = nn.Sequential(UP, nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1), DOWN)
    network = folding.folded(nn.Sequential(nn.Linear(2, 2), nn.ModuleList([inner])))
    assert kinds(network[1][0]) == [folds.UpsampledConvolution, nn.ReLU, folds.PooledConvolution]
    assert len(list(network.parameters())) == 6


@pytest.mark.parametrize(
    "layers",
    [
        [UP, nn.Conv2d(2, 2, 4, padding=1)],
        [UP, nn.Conv2d(2, 2, 3)],
        [UP, nn.Conv2d(2, 2, 3, padding=1, groups=2)],
        [UP, nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")],
        [nn.Upsample(scale_factor=3), nn.Conv2d(2, 2, 3, padding=1)],
        [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(2, 2, 3, padding=1)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.AvgPool2d(3)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.AvgPool2d(2, stride=1)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(2)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), DOWN],
        [UP, nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1)],
        [UP, nn.Conv2d(2, 2, 3, padding=1, stride=2)],
        [nn.Conv2d(2, 2, 4, stride=2, padding=1)],
        [nn.Conv2d(2, 1, 7)],
        [nn.Flatten(2), nn.Linear(4, 2)],
    ],
)
def test_what_is_not_the_same_or_not_faster_is_not_folded(layers: list[nn.Module]):
    with pytest.raises(ValueError, match="nothing that can be folded"):
        folding.folded(nn.Sequential(*layers))


@pytest.mark.parametrize("kind", [folds.UpsampledConvolution, folds.PooledConvolution])
def test_a_convolution_that_changes_the_size_is_refused(kind: type):
    with pytest.raises(ValueError, match="odd square kernel"):
        kind(nn.Conv2d(2, 2, 3))


def test_the_kernel_must_be_turned_for_upsampling():
    """A fold that forgets it is found: the comparison above can fail."""
    c = convolution()
    x = random(1, 3, 5, 5)
    wrong = nn.functional.conv_transpose2d(
        x, folds._sum_of_shifts(c.weight).transpose(0, 1), c.bias, stride=2, padding=1
    )
    assert (wrong - nn.Sequential(UP, c)(x)).abs().max() > 0.1


def check_the_same(slow: nn.Module, fast: nn.Module, x: torch.Tensor) -> None:
    """Values, gradients and gradients of a penalty on slopes agree to rounding."""
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(fast, x), gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    for a, b in zip(penalty_gradients(fast, x), penalty_gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


TRANSPOSED = [(4, 2, 1), (3, 1, 1), (5, 2, 0), (2, 3, 0)]


@pytest.mark.parametrize(
    "layer",
    [lambda b, s=s: nn.ConvTranspose2d(3, 1, *s, bias=b) for s in TRANSPOSED]
    + [lambda b, k=k: nn.Conv2d(3, 1, k, padding=k // 2, bias=b) for k in (1, 3, 5)],
)
@pytest.mark.parametrize("bias", [True, False])
def test_convolutions_to_one_channel_equal_torch_s(layer, bias: bool):
    torch.manual_seed(1)
    slow = nn.Sequential(layer(bias).double())
    fast = folding.folded(copy.deepcopy(slow))
    assert kinds(fast) == [folds.ThinConvolution]
    x = random(2, 3, 6, 4)
    check_the_same(slow, fast, x)
    torch.testing.assert_close(fast(x.to(memory_format=torch.channels_last)), slow(x), rtol=1e-12, atol=1e-12)


THIN = [(4, 2, 1), (3, 1, 1), (5, 2, 0), (2, 3, 0), (1, 1, 0), ((3, 2), (2, 1), (0, 1))]


@pytest.mark.parametrize("settings", THIN)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("image", [(6, 8), (7, 5)])
def test_convolutions_of_one_channel_equal_torch_s(settings: tuple, bias: bool, image: tuple[int, int]):
    torch.manual_seed(1)
    slow = nn.Sequential(nn.Conv2d(1, 5, *settings, bias=bias).double(), nn.Tanh())
    fast = folding.folded(copy.deepcopy(slow))
    assert kinds(fast)[0] is folds.ThinInputConvolution
    x = random(2, 1, *image)
    check_the_same(slow, fast, x)
    torch.testing.assert_close(fast(x.to(memory_format=torch.channels_last)), slow(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("settings", [((3, 5), 1, 0), (7, 2, 0), (4, 2, 1)])
def test_images_of_one_pixel_become_sums_of_kernels(bias: bool, layout: torch.memory_format, settings: tuple):
    torch.manual_seed(1)
    slow = nn.Sequential(nn.ConvTranspose2d(4, 3, *settings, bias=bias).double()).to(memory_format=layout)
    fast = folding.folded(copy.deepcopy(slow))
    check_the_same(slow, fast, random(6, 4, 1, 1))
    is_channels_last = fast(random(6, 4, 1, 1)).is_contiguous(memory_format=torch.channels_last)
    assert is_channels_last == (layout == torch.channels_last)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(4, 2, 3, groups=2),
        nn.ConvTranspose2d(4, 2, 3, dilation=2),
        nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1),
        nn.ConvTranspose2d(4, 8, 3, bias=False),
        nn.ConvTranspose2d(4, 1, 3, dilation=2),
    ],
)
def test_transposed_convolutions_equal_torch_s(layer: nn.Module):
    slow = nn.Sequential(layer.double())
    fast = folding.folded(copy.deepcopy(slow))
    assert kinds(fast) == [folds.TransposedConvolution]
    for image in ((6, 8), (7, 5), (1, 1)):
        check_the_same(slow, fast, random(2, 4, *image))


@pytest.mark.parametrize("batch_size", [3, 5, 6, 12])  # five columns: no more samples than that go one by one
@pytest.mark.parametrize("biases", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_projection_and_a_transposed_convolution_equal_torch_s(batch_size: int, biases: tuple, layout):
    torch.manual_seed(1)
    slow = nn.Sequential(
        nn.Linear(4, 3 * 2 * 5, bias=biases[0]),
        nn.Unflatten(1, (3, 2, 5)),
        nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1, bias=biases[1]),
        nn.Tanh(),
    )
    slow = slow.double().to(memory_format=layout)
    fast = folding.folded(copy.deepcopy(slow))
    assert kinds(fast) == [folds.ProjectedConvolution, nn.Tanh]
    check_the_same(slow, fast, random(batch_size, 4))


def test_a_projection_of_many_samples_needs_fewer_multiplications_and_one_of_few_no_more():
    slow = nn.Sequential(nn.Linear(7, 32 * 25), nn.Unflatten(1, (32, 5, 5)), nn.ConvTranspose2d(32, 16, 4, 2, 1))
    fast = folding.folded(copy.deepcopy(slow))
    counts = {}
    for n in (8, 64):
        for name, network in (("slow", slow), ("fast", fast)):
            with FlopCounterMode(display=False) as counter:
                network(torch.zeros(n, 7))
            counts[name, n] = counter.get_total_flops()
    assert counts["fast", 8] == counts["slow", 8]
    assert counts["fast", 64] < counts["slow", 64] / 4


def test_projections_that_do_not_meet_the_convolution_are_refused():
    with pytest.raises(ValueError, match=r"don't fit images of shape \(3, 2, 5\); expected 30 outputs"):
        folds.ProjectedConvolution(nn.Linear(4, 31), (3, 2, 5), nn.ConvTranspose2d(3, 2, 4))
    with pytest.raises(ValueError, match="3 input channels"):
        folds.ProjectedConvolution(nn.Linear(4, 30), (3, 2, 5), nn.ConvTranspose2d(2, 2, 4))


def test_activations_write_over_what_nobody_needs_and_over_nothing_else():
    shared = nn.ReLU()
    layers = [shared, nn.ConvTranspose2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.BatchNorm2d(4), shared, nn.Tanh()]
    slow = nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(4, 4, 3), nn.LeakyReLU(0.0)).double().eval()
    careful = folding.folded(copy.deepcopy(slow))
    assert not any(layer.inplace for layer in called(careful) if isinstance(layer, nn.ReLU | nn.LeakyReLU))
    fast = folding.folded(copy.deepcopy(slow), in_place=True)
    flags = [layer.inplace for layer in called(fast) if isinstance(layer, nn.ReLU | nn.LeakyReLU)]
    # Not the first, whose input is the caller's; not behind tanh, which needs what it returned; not without a slope.
    assert flags == [False, True, True, False, False]
    assert not any(layer.inplace for layer in fast if isinstance(layer, nn.ReLU | nn.LeakyReLU))
    x = random(2, 3, 8, 8)
    check_the_same(slow, fast, x)
    torch.testing.assert_close(x, random(2, 3, 8, 8), rtol=0, atol=0)


GROUPS = {
    "upsampled": lambda c: [UP, c(nn.Conv2d(3, 4, 3, padding=1))],
    "upsampled, kernel 1": lambda c: [UP, c(nn.Conv2d(3, 4, 1))],
    "pooled": lambda c: [c(nn.Conv2d(3, 4, 3, padding=1)), DOWN],
    "pooled, kernel 1": lambda c: [c(nn.Conv2d(3, 4, 1)), DOWN],
    "transposed": lambda c: [c(nn.ConvTranspose2d(3, 4, 4, 2, 1))],
    "thin": lambda c: [c(nn.Conv2d(3, 1, 3, padding=1))],
    "thin input": lambda c: [c(nn.Conv2d(1, 4, 4, 2, 1))],
    "flattened": lambda c: [nn.Flatten(), c(nn.Linear(3 * 6 * 6, 2))],
    "projected": lambda c: [c(nn.Linear(5, 12)), nn.Unflatten(1, (3, 2, 2)), c(nn.ConvTranspose2d(3, 2, 2))],
}


def batch_for(name: str, n: int = 9) -> torch.Tensor:
    return random(n, 5) if name == "projected" else random(n, 1 if name == "thin input" else 3, 6, 6)


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("n", [2, 9])
def test_spectral_norm_makes_one_power_iteration_a_forward_pass_as_before(name: str, n: int):
    torch.manual_seed(1)
    slow = nn.Sequential(*GROUPS[name](lambda layer: spectral_norm(layer.double()))).train()
    for buffer in slow.buffers():  # far from where the iteration ends, so that each step shows
        buffer.copy_(torch.nn.functional.normalize(random(len(buffer)), dim=0))
    fast = folding.folded(copy.deepcopy(slow))
    x = batch_for(name, n)
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)
    for a, b in zip(fast.buffers(), slow.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", GROUPS)
def test_layers_that_compute_otherwise_stay_as_they_are(name: str):
    def with_forward_of_its_own(layer: nn.Module) -> nn.Module:
        kind = type(layer)
        layer.__class__ = type("Mine", (kind,), {"forward": lambda self, x: kind.forward(self, 3 * x)})
        return layer

    def with_a_hook(layer: nn.Module) -> nn.Module:
        layer.register_forward_pre_hook(lambda module, inputs: (3 * inputs[0],))
        return layer

    def with_a_forward_set_on_it(layer: nn.Module) -> nn.Module:
        layer.forward = lambda x: type(layer).forward(layer, 3 * x)
        return layer

    for change in (with_forward_of_its_own, with_a_hook, with_a_forward_set_on_it):
        with pytest.raises(ValueError, match="nothing that can be folded"):
            folding.folded(nn.Sequential(*GROUPS[name](change)))


@pytest.mark.parametrize("name", GROUPS)
def test_names_and_parameters_stay_and_folding_twice_changes_nothing(name: str):
    network = nn.Sequential(*GROUPS[name](lambda layer: layer), nn.Identity(), nn.PReLU())
    modules, weights = dict(network.named_modules()), dict(network.named_parameters())
    for fast in (folding.folded(network), folding.folded(network, in_place=True)):
        assert fast is network
        assert dict(fast.named_modules()) == modules
        assert {key: id(value) for key, value in fast.named_parameters()} == {k: id(v) for k, v in weights.items()}
        assert list(fast.state_dict()) == list(weights)
        assert not fast._folds_in_place


def test_an_error_changes_nothing():
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Unflatten(1, (3, 1, 1)), nn.Conv2d(3, 3, 2))
    layers = list(network)
    with pytest.raises(ValueError, match="nothing that can be folded"):
        folding.folded(network, in_place=True)
    assert list(network) == layers
    assert type(network) is nn.Sequential


def test_a_projection_may_leave_a_length_to_torch():
    slow = nn.Sequential(nn.Linear(4, 30), nn.Unflatten(1, (3, -1, 5)), nn.ConvTranspose2d(3, 2, 4, 2, 1)).double()
    fast = folding.folded(copy.deepcopy(slow))
    assert called(fast)[0].shape == (3, 2, 5)
    check_the_same(slow, fast, random(7, 4))


def test_layouts_nobody_asked_for_do_not_appear():
    fast = folding.folded(nn.Sequential(UP, nn.Conv2d(1, 8, 3, padding=1)))
    assert fast(torch.zeros(2, 1, 4, 4)).is_contiguous()
    assert fast.to(memory_format=torch.channels_last)(torch.zeros(2, 1, 4, 4)).shape == (2, 8, 8, 8)


@pytest.mark.parametrize("name", GROUPS)
def test_types_under_autocast_are_torch_s(name: str):
    slow = nn.Sequential(*GROUPS[name](lambda layer: layer))
    fast = folding.folded(copy.deepcopy(slow))
    for network in (slow, fast):
        network.float()
    with torch.autocast("cpu", torch.bfloat16):
        for n in (2, 9):
            x = batch_for(name, n)
            assert fast(x.float()).dtype == slow(x.float()).dtype == torch.bfloat16
            assert fast.double()(x).dtype == slow.double()(x).dtype == torch.float64
            fast.float(), slow.float()


@pytest.mark.parametrize("name", [name for name in GROUPS if name not in ("flattened", "projected")])
def test_single_images_are_refused(name: str):
    fast = folding.folded(nn.Sequential(*GROUPS[name](lambda layer: layer)))
    with pytest.raises(ValueError, match=r"x has shape \(3, 6, 6\); expected images"):
        fast(torch.zeros(3, 6, 6))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: folds.TransposedConvolution(nn.Linear(2, 2)), "expected a ConvTranspose2d"),
        (lambda: folds.ThinConvolution(nn.Conv2d(2, 1, 3)), "has no thin form"),
        (lambda: folds.ThinInputConvolution(nn.Conv2d(1, 2, 3, dilation=2)), "has no form for thin inputs"),
        (lambda: folds.ThinInputConvolution(nn.Conv2d(1, 2, 3, padding="same")), "has no form for thin inputs"),
        (lambda: folds.ThinInputConvolution(nn.Linear(2, 2)), "has no form for thin inputs"),
        (lambda: folds.FlattenedLinear(nn.Conv2d(2, 1, 3)), "expected a Linear"),
        (lambda: folds.ProjectedConvolution(nn.Linear(2, 4), (2, 2), nn.ConvTranspose2d(2, 1, 2)), r"expected \(chan"),
    ],
)
def test_other_layers_are_refused(make, message: str):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("n_out", [2, 9])  # fewer outputs than samples, and more
def test_flattening_before_a_linear_layer_equals_torch_s_in_any_layout(layout: torch.memory_format, n_out: int):
    torch.manual_seed(1)
    slow = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, n_out).double())
    fast = folding.folded(copy.deepcopy(slow))
    x = random(6, 3, 4, 5).to(memory_format=layout)
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(fast, x), gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(fast(x.flatten(1)), slow(x.flatten(1)), rtol=1e-12, atol=1e-12)
