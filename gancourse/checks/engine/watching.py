"""What a network was before a student's function got it, and what to say if the function left it otherwise."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gancourse.checks.engine.verdict import Wrong

MARK = 0.375  # exact in every type
TENSOR_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
MODULE_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Network:
    """The state of a network that a function may call, and nothing else.

    While it is watched, its weights have gradients, as if others had called backward before.

    Args:
        name: of the argument, for messages.
        module: the network.
    """

    def __init__(self, name: str, module: nn.Module) -> None:
        self.name, self.module = name, module
        self.modes = [part.training for part in module.modules()]
        self.tensors = {key: value.detach().clone() for key, value in self._tensors()}
        self.trainable = [weight.requires_grad for weight in module.parameters()]
        self.gradients = [weight.grad for weight in module.parameters()]
        mark_gradients(self._trained())

    def _tensors(self) -> list[tuple[str, Tensor]]:
        return [*self.module.named_parameters(), *self.module.named_buffers()]

    def _trained(self) -> list[Tensor]:
        weights = zip(self.module.parameters(), self.trainable, strict=True)
        return [weight for weight, is_trained in weights if is_trained]

    def complain(self, text: str) -> None:
        """Complain unless the network is as it was.

        Args:
            text: the call, for the message.

        Raises:
            Wrong: a weight, a buffer, a mode, a gradient or a hook has changed.
        """
        if [part.training for part in self.module.modules()] != self.modes:
            raise Wrong(f"{text} switched `{self.name}` between train and eval mode; leave that to the caller")
        if [weight.requires_grad for weight in self.module.parameters()] != self.trainable:
            raise Wrong(
                f"{text} changed requires_grad of the weights of `{self.name}`: whoever trains them decides which are "
                "frozen"
            )
        for key, value in self._tensors():
            if not torch.equal(value.detach(), self.tensors[key]):
                raise Wrong(f"{text} changed `{key}` of `{self.name}`; call the network, and leave it as it is")
        complain_of_hooks(text, [*self.module.parameters(), *self.module.modules()])
        complain_of_gradients(text, self._trained())

    def restore(self) -> None:
        """Put modes, gradients, requires_grad and numbers back, whatever became of them."""
        for part, mode in zip(self.module.modules(), self.modes, strict=True):
            part.training = mode
        for weight, trainable, gradient in zip(self.module.parameters(), self.trainable, self.gradients, strict=True):
            weight.requires_grad_(trainable)
            weight.grad = gradient
        with torch.no_grad():
            for key, value in self._tensors():
                value.copy_(self.tensors[key])


def mark_gradients(leaves: Iterable[Tensor]) -> None:
    """Give each leaf a gradient, as if others had called backward before; see `complain_of_gradients`."""
    for leaf in leaves:
        leaf.grad = torch.full_like(leaf, MARK)


def complain_of_gradients(text: str, leaves: Iterable[Tensor]) -> None:
    """Complain unless the leaves still have the gradients of `mark_gradients`.

    Raises:
        Wrong: one is gone, or something was added to it.
    """
    for leaf in leaves:
        if leaf.grad is None or not leaf.grad.any():
            raise Wrong(f"{text} clears gradients that the caller may have collected; no zero_grad here")
        if not torch.equal(leaf.grad, torch.full_like(leaf, MARK)):
            raise Wrong(f"{text} calls backward itself; return the value, and let the caller differentiate")


def complain_of_hooks(text: str, owners: Iterable[Tensor | nn.Module]) -> None:
    """Complain unless the tensors and modules are without hooks, as they were before the call.

    Raises:
        Wrong: one has a hook.
    """
    for owner in owners:
        if any(getattr(owner, name) for name in (TENSOR_HOOKS if isinstance(owner, Tensor) else MODULE_HOOKS)):
            raise Wrong(
                f"{text} leaves a hook behind, which later gradients or calls would run again; compute without hooks, "
                "or remove() them"
            )
