"""BatchNorm with the statistics of the whole batch, for any number of processes, and with standing statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from gancourse import processes


class WholeBatchNorm(_BatchNorm):
    """BatchNorm over the rows of all processes; with one process, and in evaluation mode, torch's own.

    torch's `SyncBatchNorm` needs CUDA, and its gradient is not differentiable, as penalties need.
    """

    def _check_input_dim(self, x: Tensor) -> None:
        if x.ndim < 2:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected [batch, features, …]")

    def forward(self, x: Tensor) -> Tensor:
        """Normalised x, of the same shape."""
        if not self.training or processes.current_part().count == 1:
            return super().forward(x)
        self._check_input_dim(x)
        axes, shape = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
        exact = x if x.dtype == torch.float64 else x.float()
        # Every process has the same number of rows, so the mean of the means is the mean.
        moments = torch.stack([exact.mean(axes), exact.var(axes, unbiased=False)])[None]
        means, variances = processes.gather(moments).unbind(1)
        centre = means.mean(0)
        variance = (variances + (means - centre).square()).mean(0)
        n = processes.current_part().count * x.numel() // x.shape[1]
        if self.track_running_stats:
            with torch.no_grad():
                self._update_running_statistics(centre, variance * (n / max(n - 1, 1)))
        scale = (variance + self.eps).rsqrt()
        weight, bias = (1.0, 0.0) if self.weight is None else (self.weight.view(shape), self.bias.view(shape))
        return ((exact - centre.view(shape)) * scale.view(shape) * weight + bias).to(x.dtype)

    def _update_running_statistics(self, centre: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(centre.to(self.running_mean), share)
        self.running_var.lerp_(variance.to(self.running_var), share)


class StandingBatchNorm(_BatchNorm):
    """BatchNorm that normalises by each batch's own statistics in any mode, and adds them up; see below."""

    n_rows: int = 0
    total: Tensor | None = None

    def _check_input_dim(self, x: Tensor) -> None:
        if x.ndim < 2:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected [batch, features, …]")

    def forward(self, x: Tensor) -> Tensor:
        """Normalised x, of the same shape."""
        self._check_input_dim(x)
        exact = x.detach().to(torch.promote_types(x.dtype, torch.float32))
        axes = [0, *range(2, x.ndim)]
        moments = torch.stack([exact.mean(axes), exact.var(axes, unbiased=False)]).double() * len(x)
        self.total = moments if self.total is None else self.total + moments
        self.n_rows += len(x)
        return batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)


@contextmanager
def standing_statistics(network: nn.Module) -> Iterator[None]:
    """Inside, BatchNorm uses each batch's own statistics; afterwards, the means of these over all the batches inside.

    The running statistics of a training are those of the last few batches, of the weights then, and of latents without
    truncation. For averaged weights, or truncated latents, they are of the wrong numbers. Call the network inside, in
    any mode, with the inputs that it is meant for: some thousand samples in large batches. Spectral normalisation and
    dropout stay as the mode says.

    Args:
        network: its BatchNorm layers' running means and variances change, unless it isn't called inside.

    Source: Brock, Donahue, Simonyan 2019, appendix C: "standing statistics".

    >>> layer = nn.BatchNorm1d(1).eval()
    >>> with standing_statistics(layer):
    ...     _ = layer(torch.tensor([[1.0], [3.0]])), layer(torch.tensor([[2.0], [8.0]]))
    >>> layer.running_mean, layer.running_var
    (tensor([3.5000]), tensor([5.]))
    """
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    kinds = [type(layer) for layer in layers]
    for layer in layers:
        layer.__class__ = StandingBatchNorm
    try:
        yield
        for layer in layers:
            if layer.total is not None:
                mean, variance = layer.total / layer.n_rows
                layer.running_mean.copy_(mean)
                layer.running_var.copy_(variance)
    finally:
        for layer, kind in zip(layers, kinds, strict=True):
            layer.__class__ = kind
            vars(layer).pop("total", None)
            vars(layer).pop("n_rows", None)


def prepare_for_processes(network: nn.Module) -> None:
    """Make the BatchNorm layers of a network use the rows of all processes.

    Raises:
        ValueError: a layer draws random numbers that would differ between processes.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, _BatchNorm):
            # In place: games and networks refer to this object. Both classes have the same parameters and buffers.
            layer.__class__ = WholeBatchNorm
        elif isinstance(layer, _DropoutNd) and layer.p > 0:
            raise ValueError(
                f"{name} is torch's {type(layer).__name__}, whose masks would differ between processes; "
                "use gancourse.models.Dropout"
            )
