"""Minibatch standard deviation: a map that shows the discriminator how much the samples of a batch vary."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse import processes

EPSILON = 1e-8


def group_deviations(x: Tensor, group: int) -> Tensor:
    """Mean standard deviation within each group of samples, [number of groups].

    A batch of n samples has n / group groups; sample i is in group i mod (n / group), so that the members of a group
    are n / group samples apart. Within a group, the standard deviation (of the biased variance, plus 1e-8) is taken for
    each feature at each place, and then the mean of all of them.

    Args:
        x: features of the whole batch, [n, ...].
        group: samples in a group; a batch with fewer samples is one group.

    Raises:
        ValueError: groups of that size don't divide the batch, or it is empty.

    >>> group_deviations(torch.tensor([[0.0], [5.0], [2.0], [5.0]]), 2)
    tensor([1.0000e+00, 1.0000e-04])
    """
    if not len(x):
        raise ValueError("the batch is empty; pass at least 1 sample")
    group = min(group, len(x))
    if len(x) % group:
        raise ValueError(f"a batch of {len(x)} has no groups of {group}; pass a batch_size that {group} divides")
    groups = x.reshape(group, len(x) // group, -1)
    # Not var(unbiased=False).sqrt(): within equal samples the root has no finite gradient at zero.
    return (groups.var(0, unbiased=False) + EPSILON).sqrt().mean(1)


class MinibatchStd(nn.Module):
    """Appends one map to images of features: how much the features vary within groups of samples, a constant each.

    A generator without variety is recognised by it. The score of a sample then depends on the other samples of its
    group, so penalties on the gradient at each sample include the gradients of other samples' scores.

    Args:
        group: samples in a group; a batch with fewer samples is one group.

    Raises:
        ValueError: a group has less than two samples; during training, if groups don't divide the batch.

    Source: Karras, Aila, Laine, Lehtinen 2018, section 3; groups of 4 as in the authors' code, where the paper takes
    the whole batch. The layer has no weights, unlike `MinibatchDiscrimination`.

    >>> MinibatchStd(2)(torch.zeros(4, 8, 3, 3)).shape
    torch.Size([4, 9, 3, 3])
    """

    depends_on_batch = True

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        if group < 2:
            raise ValueError(f"groups of {group}; the samples of a group are compared, so pass at least 2")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Features with the map appended, [batch, channels + 1, height, width]."""
        if x.ndim != 4:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected [batch, channels, height, width]")
        # In float32 under autocast: the variance of nearly equal features would be lost in bfloat16.
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        whole = processes.gather(exact)
        deviations = group_deviations(whole, self.group)
        maps = deviations.repeat(len(whole) // len(deviations))  # not repeat_interleave: groups are strided
        own = processes.current_part().of(maps)
        return torch.cat([x, own.view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:]).to(x.dtype)], 1)
