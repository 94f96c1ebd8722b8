"""A critic for pictures that should be crisp: it tells drawn patches from made ones, and so teaches the maker."""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

WIDTHS = (24, 48, 64)


class Critic(nn.Module):
    """Pictures, and what each was made from at a quarter of its side, to an opinion a patch: over 0 is drawn."""

    def __init__(self, source_channels: int) -> None:
        super().__init__()
        first, second, last = WIDTHS
        normed = nn.utils.parametrizations.spectral_norm
        self.fine = normed(nn.Conv2d(3, first, 4, stride=2, padding=1))
        self.coarse = normed(nn.Conv2d(first, second, 4, stride=2, padding=1))
        self.joint = normed(nn.Conv2d(second + source_channels, last, 3, padding=1))
        self.opinion = normed(nn.Conv2d(last, 1, 1))

    def forward(self, pictures: Tensor, sources: Tensor) -> Tensor:
        seen = leaky_relu(self.coarse(leaky_relu(self.fine(pictures), 0.2)), 0.2)
        seen = leaky_relu(self.joint(torch.cat([seen, sources], dim=1)), 0.2)
        opinion: Tensor = self.opinion(seen)
        return opinion


def critical_loss(critic: Critic, made: Tensor, drawn: Tensor, sources: Tensor, weight: float) -> Tensor:
    """What teaches the critic to tell both apart and, by `weight`, their maker to please it; one step takes both.

    The critic is held still while it is pleased.
    """
    critic.requires_grad_(requires_grad=False)
    pleasing = -critic(made, sources).float().mean()
    critic.requires_grad_(requires_grad=True)
    telling = relu(1 - critic(drawn, sources)).float().mean() + relu(1 + critic(made.detach(), sources)).float().mean()
    loss: Tensor = weight * pleasing + telling
    return loss
