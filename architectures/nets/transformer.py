"""A small Transformer encoder, written plainly so that every exporter takes it."""

import math

import torch
from torch import nn

_HEADS, _WIDER = 4, 4


class Block(nn.Module):
    """Self-attention and two dense layers, each after a layer norm and beside a shortcut (pre-norm).

    Args:
        tokens: length of the sequence.
        features: of a token; a multiple of 4.
    """

    def __init__(self, tokens: int, features: int) -> None:
        """Make the layers."""
        super().__init__()
        self.split, self.joined = (-1, tokens, _HEADS, features // _HEADS), (-1, tokens, features)
        self.scale = 1 / math.sqrt(features // _HEADS)
        self.before_attention, self.before_dense = nn.LayerNorm(features), nn.LayerNorm(features)
        self.query, self.key = nn.Linear(features, features), nn.Linear(features, features)
        self.value, self.out = nn.Linear(features, features), nn.Linear(features, features)
        self.dense = nn.Sequential(
            nn.Linear(features, _WIDER * features), nn.GELU(), nn.Linear(_WIDER * features, features)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, T, F) to (N, T, F)."""
        return self.trace(tokens)[0]

    def trace(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, T, F) to (N, T, F), and the attention's scores before their softmax, (N, heads, T, T)."""
        normed = self.before_attention(tokens)
        query, key, value = (
            layer(normed).reshape(self.split).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) * self.scale
        weights = torch.softmax(scores, -1)
        tokens = tokens + self.out((weights @ value).transpose(1, 2).reshape(self.joined))
        return tokens + self.dense(self.before_dense(tokens)), scores


class Encoder(nn.Module):
    """Learned positions, blocks, a last norm, the mean over all tokens, a dense layer.

    Args:
        shape: of one example: (tokens, features).
        classes: logits.
        width: layers; BERT's are as large: 12 features^2 + 13 features numbers each (arXiv:1810.04805).
    """

    def __init__(self, shape: tuple[int, int], classes: int, width: int) -> None:
        """Make the layers."""
        super().__init__()
        self.positions = nn.Parameter(0.02 * torch.randn(1, *shape))
        self.blocks = nn.Sequential(*(Block(*shape) for _ in range(width)))
        self.norm, self.classifier = nn.LayerNorm(shape[1]), nn.Linear(shape[1], classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, T, F) to logits (N, classes)."""
        return self.classifier(self.norm(self.blocks(tokens + self.positions)).mean(1))

    def trace(self, tokens: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
        """What layer-wise distillation looks at.

        Returns:
            Logits; hidden states (N, T, F), of the embedding and after each block; scores of each block's attention.
        """
        states, scores = [tokens + self.positions], []
        for block in self.blocks:
            state, found = block.trace(states[-1])
            states.append(state)
            scores.append(found)
        return self.classifier(self.norm(states[-1]).mean(1)), states, scores
