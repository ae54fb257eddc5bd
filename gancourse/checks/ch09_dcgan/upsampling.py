"""Check of a block of the generator: which layers it has, and what it does to a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

from gancourse.checks.engine.probe import Case, attempt, call, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.verdict import Wrong

SHAPES = [(8, 6, False), (5, 3, True), (4, 4, False), (2, 1, True), (64, 32, False)]
ORDERS = {False: "ConvTranspose2d, BatchNorm2d, ReLU", True: "ConvTranspose2d, Tanh"}
NORMS = nn.modules.batchnorm._BatchNorm | nn.modules.instancenorm._InstanceNorm | nn.GroupNorm | nn.LayerNorm
PLAIN = nn.Conv2d | nn.Upsample | nn.PixelShuffle | nn.Linear | nn.MaxPool2d | nn.AvgPool2d


def _layers(block: nn.Module, kind: type) -> list[nn.Module]:
    return [m for m in block.modules() if isinstance(m, kind)]


def _check_convolution(text: str, block: nn.Module, n_in: int, n_out: int) -> None:
    convolutions = _layers(block, nn.ConvTranspose2d)
    others = _layers(block, PLAIN)
    if others:
        raise Wrong(
            f"{text} contains {others[0]}; the guideline is one strided ConvTranspose2d, so that the network learns "
            "its own upsampling, with no upsampling, pooling or other layer beside it"
        )
    if len(convolutions) != 1:
        raise Wrong(f"{text} contains {len(convolutions)} ConvTranspose2d layers; expected 1")
    layer = convolutions[0]
    if (layer.in_channels, layer.out_channels) != (n_in, n_out):
        raise Wrong(
            f"{text} maps {layer.in_channels} to {layer.out_channels} channels; expected {n_in} to {n_out}: torch's "
            "order is ConvTranspose2d(n_in, n_out, …)"
        )
    for what, values in {"kernel": layer.kernel_size, "stride": layer.stride, "padding": layer.padding}.items():
        if values[0] != values[1]:
            raise Wrong(f"{text} has the {what} {values}, another one for the height than for the width")
    if layer.groups != 1 or layer.dilation != (1, 1):
        raise Wrong(
            f"{text} has groups={layer.groups}, dilation={layer.dilation}; expected neither groups nor dilation: each "
            "output channel sees all input channels, in patches of 4 × 4 neighbours"
        )
    k, s, p = (v[0] for v in (layer.kernel_size, layer.stride, layer.padding))
    if (k, s, p) != (4, 2, 1):
        raise Wrong(
            f"{text} has kernel {k}, stride {s}, padding {p}: {_explain(k, s, p, layer.output_padding[0])} "
            "Expected kernel 4, stride 2, padding 1"
        )


def _explain(kernel: int, stride: int, padding: int, extra: int) -> str:
    size = (4 - 1) * stride - 2 * padding + kernel + extra
    if stride != 2:
        return f"4 pixels become {size}; only stride 2 doubles the size."
    if size != 8:
        return f"4 pixels become {size}, not 8 = 3·2 − 2·padding + kernel."
    if kernel % 2:
        return "8 pixels come out, but an odd kernel at stride 2 paints them unevenly, a checkerboard."
    return "8 pixels come out, but " + (
        "the pixels' patches don't overlap, so that edges show." if kernel == 2 else "the guideline's kernel is 4."
    )


def _check_norm(text: str, block: nn.Module, n_out: int, last: bool) -> None:
    norms = _layers(block, NORMS)
    if last and norms:
        raise Wrong(
            f"{text} has {type(norms[0]).__name__} at the generator's output: it would force the mean and the spread "
            "of each batch of images, and training oscillates. No BatchNorm in the last block"
        )
    if last:
        return
    if not norms:
        raise Wrong(f"{text} has no BatchNorm2d: every block of the generator but the last one normalises")
    if len(norms) > 1 or not isinstance(norms[0], nn.BatchNorm2d):
        raise Wrong(f"{text} normalises by {', '.join(type(m).__name__ for m in norms)}; expected one BatchNorm2d")
    if norms[0].num_features != n_out:
        raise Wrong(f"{text} normalises {norms[0].num_features} channels; its convolution gives {n_out}")


def _check_output(text: str, y: Tensor, last: bool) -> None:
    low, high = y.min().item(), y.max().item()
    if last:
        _check_image(text, low, high)
    elif low < 0:
        if high <= 1 and low >= -1:
            what = "tanh squashes inside the generator, where ReLU is the guideline; tanh belongs to the last block"
        elif y.mean((0, 2, 3)).abs().max() < 1e-4:
            what = "BatchNorm comes last, or nothing follows it; the order is convolution, BatchNorm, ReLU"
        else:
            what = "LeakyReLU, or another activation with a negative side; it is for D, and G takes ReLU"
        raise Wrong(f"{text} gave values between {low:.2f} and {high:.2f}; expected none below 0: {what}")
    elif not (y == 0).any():
        raise Wrong(f"{text} gave values between {low:.2f} and {high:.2f}; ReLU would make many exactly 0")


def _check_image(text: str, low: float, high: float) -> None:
    if low >= 0 and high <= 1:
        raise Wrong(
            f"{text} gave values between {low:.2f} and {high:.2f}: a sigmoid, or a ReLU before the tanh, leaves half "
            "the range of [−1, 1] unused. The last block is convolution, then tanh"
        )
    if high > 1 or low < -1:
        raise Wrong(
            f"{text} gave values between {low:.2f} and {high:.2f}; images lie in [−1, 1]: the last block ends in tanh"
        )
    if low > -0.9 or high < 0.9:
        raise Wrong(f"{text} gave values between {low:.2f} and {high:.2f} for large inputs; tanh reaches ±1")


def _in_a_row(block: nn.Module, x: Tensor, last: bool) -> Tensor:
    """What the block's own layers give in the guideline's order."""
    (layer,) = _layers(block, nn.ConvTranspose2d)
    z = conv_transpose2d(x, layer.weight, layer.bias, stride=2, padding=1)
    if last:
        return z.tanh()
    (norm,) = _layers(block, nn.BatchNorm2d)
    if block.training or norm.running_mean is None:
        mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
    else:
        mean, variance = norm.running_mean, norm.running_var
    z = (z - mean[:, None, None]) / (variance + norm.eps).sqrt()[:, None, None]
    weight, bias = (1.0, 0.0) if norm.weight is None else (norm.weight[:, None, None], norm.bias[:, None, None])
    return (z * weight + bias).relu()


def _check_values(text: str, name: str, block: nn.Module, x: Tensor, last: bool) -> None:
    """In train and in eval mode the block is its layers in a row, and no more."""
    for training in (True, False):
        block.train(training)
        y = attempt(name, block, [x.clone()], text)
        expected = _in_a_row(block, x, last)
        if not torch.allclose(y, expected, rtol=1e-3, atol=1e-4):
            raise Wrong(
                f"{text}, in {'train' if training else 'eval'} mode, isn't what its layers give in a row: expected "
                f"{ORDERS[last]} and nothing else, no skip connection, factor or second activation"
            )
    block.train()


def _check_state(text: str, block: nn.Module) -> None:
    """The block comes as torch makes one: in train mode, trainable, in single precision, not all zeros."""
    if not all(part.training for part in block.modules()):
        raise Wrong(f"{text} is in eval mode: its BatchNorm would never learn; leave the mode to the training")
    for key, weight in block.named_parameters():
        if not weight.requires_grad:
            raise Wrong(f"{text} is frozen: `{key}` has requires_grad=False, and no training would change it")
        if weight.dtype != torch.float32:
            raise Wrong(f"{text} has weights of {weight.dtype}; expected float32, as layers are made")
    if not any(layer.weight.any() for layer in _layers(block, nn.ConvTranspose2d)):
        raise Wrong(f"{text} has a weight that is zero everywhere: the block gives the same for every input")


def _check_draws(text: str, name: str, function: Callable, case: Case) -> None:
    """Initial weights are drawn anew for each block, from torch's random numbers as they are."""
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        call(name, function, case)
        states.append(torch.get_rng_state())
    if torch.equal(*states):
        raise Wrong(f"{text} seeds torch's random numbers, for the whole program: all blocks would start alike")


def _check_block(name: str, function: Callable, n_in: int, n_out: int, last: bool) -> None:
    case = Case({"n_in": n_in, "n_out": n_out, "last": last})
    text = call_text(name, case)
    block = call(name, function, case)
    if not isinstance(block, nn.Module):
        raise Wrong(f"{text} returned a {type(block).__name__}; expected an nn.Module: nn.Sequential(layers…)")
    if call(name, function, case) is block:
        raise Wrong(f"{text} returned the same module twice; make new layers at each call, or blocks share weights")
    _check_convolution(text, block, n_in, n_out)
    _check_norm(text, block, n_out, last)
    _check_activation(text, block, last)
    _check_state(text, block)
    for height, width in ((4, 4), (7, 5)):
        x = torch.randn(8, n_in, height, width)
        if last:  # so large that tanh reaches its ends, however small the initial weights are
            x = 20 * x / conv_transpose2d(x, _layers(block, nn.ConvTranspose2d)[0].weight, stride=2, padding=1).std()
        on_images = f"{text} on images {list(x.shape)}"
        y = attempt(name, block, [x.clone()], on_images)
        if tuple(y.shape) != (8, n_out, 2 * height, 2 * width):
            raise Wrong(f"{text} turned {list(x.shape)} into {list(y.shape)}; expected height and width doubled")
        _check_output(text, y, last)
    if not last:
        _check_order(text, block, n_in)
    _check_values(on_images, name, block, x / x.std(), last)
    _check_draws(text, name, function, case)


def _check_activation(text: str, block: nn.Module, last: bool) -> None:
    """Name the activation where it is a layer; `_check_output` tells from the values where it is a function."""
    leaky = [m for m in _layers(block, nn.LeakyReLU) if m.negative_slope != 0]
    if leaky:
        raise Wrong(f"{text} uses {leaky[0]}: LeakyReLU is the guideline for D; G takes ReLU, and tanh at the end")
    if not last and _layers(block, nn.Tanh):
        raise Wrong(f"{text} ends in tanh inside the generator; ReLU is the guideline there, tanh for the last block")
    if last and _layers(block, nn.Sigmoid):
        raise Wrong(f"{text} ends in a sigmoid, whose images lie in [0, 1]; the course's lie in [−1, 1]: take tanh")
    if last and _layers(block, nn.ReLU):
        raise Wrong(f"{text} has a ReLU in the last block: before a tanh it cuts off everything darker than mid-grey")
    for layer in block.modules():
        is_other = not isinstance(layer, nn.ReLU | nn.LeakyReLU | nn.Tanh)
        if type(layer).__module__ == "torch.nn.modules.activation" and is_other:
            raise Wrong(f"{text} uses {layer}; the guideline's activation is {'tanh' if last else 'ReLU'} here")
    if last and not _layers(block, nn.Tanh) and type(block) is nn.Sequential:
        raise Wrong(f"{text} has no tanh: nothing keeps the images in [−1, 1]")
    if not last and not _layers(block, nn.ReLU | nn.LeakyReLU) and type(block) is nn.Sequential:
        raise Wrong(f"{text} has no activation: without ReLU two blocks in a row are one linear map")
    if _layers(block, nn.Dropout | nn.Dropout2d):
        raise Wrong(f"{text} contains dropout, which is none of the guidelines and makes the output random")
    tanhs = _layers(block, nn.Tanh)
    if len(tanhs) > 1:
        raise Wrong(f"{text} has {len(tanhs)} tanh in a row, the second of which reaches ±0.76 only")


def _check_order(text: str, block: nn.Module, n_in: int) -> None:
    """With BatchNorm right after the convolution, the scale of the input doesn't matter."""
    x = torch.randn(8, n_in, 4, 4)
    norm = _layers(block, nn.BatchNorm2d)[0]
    inputs_of_norm: list[Tensor] = []
    handle = norm.register_forward_pre_hook(lambda _, inputs: inputs_of_norm.append(inputs[0].detach().clone()))
    block.train()(x)
    handle.remove()
    if not inputs_of_norm:
        raise Wrong(f"{text} holds a BatchNorm2d that its forward pass never calls")
    if (inputs_of_norm[0] >= 0).all():
        raise Wrong(f"{text} normalises after the ReLU; the order is convolution, BatchNorm, ReLU")
    if inputs_of_norm[0].shape[-1] != 8:
        raise Wrong(f"{text} normalises before the convolution; the order is convolution, BatchNorm, ReLU")


def check_generator_block(name: str, function: Callable) -> None:
    """Inner blocks and last blocks of several sizes follow DCGAN's guidelines."""
    for n_in, n_out, last in SHAPES:
        _check_block(name, function, n_in, n_out, last)


GENERATOR_BLOCK = Exercise(
    "ex-09-generator-block",
    "up_block(n_in, n_out, last)",
    points=2,
    steps=[check_generator_block],
    description="Inner and last blocks: sizes, channels, normalisation, activation, order.",
)
