"""CASN's context encoder: the utterances of a dialogue look at each other."""

from torch import Tensor, arange, nn

from serlib.papers.casn_turns import ROLES, Turns


class ContextEncoder(nn.Module):
    """Let the utterances of a dialogue look at each other.

    Equation: 6.1, with W = ``project``, p_t = ``position``, r = ``role``, and the transformer's
    layers as ``layers``.

    Args:
        inputs: d, dimensions of an utterance's embedding.
        dim: D, dimensions of z; a multiple of ``heads``.
        layers: transformer layers.
        heads: attention heads.
        dropout: in the layers and on the inputs.
        window: the longest sequence; positions beyond it do not exist.
    """

    def __init__(self, inputs, dim=256, layers=2, heads=16, dropout=0.3, window=32):
        super().__init__()
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(inputs, dim))
        self.position, self.role = nn.Embedding(window, dim), nn.Embedding(ROLES, dim)
        for table in (self.position, self.role):
            nn.init.normal_(table.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(
            layer, layers, nn.LayerNorm(dim), enable_nested_tensor=False
        )

    def forward(self, turns: Turns) -> Tensor:
        """Return z of every turn, (B, T, D); rows of padding mean nothing.

        Sentence embeddings have length 1, so their entries are small; √d makes them of size 1.
        """
        e, steps = turns.vectors, arange(turns.present.shape[1], device=turns.role.device)
        x = self.project(e * e.shape[-1] ** 0.5) + self.position(steps) + self.role(turns.role)
        return self.layers(x, src_key_padding_mask=~turns.present)
