"""Two other networks of audio and text, to ask whether PDDS helps whatever the network is.

They follow their papers' descriptions in the main idea, not in every layer ("-like"):

- SpeechText (Atmaja, Shirai and Akagi 2019): an LSTM a modality, joined by a dense layer.
- MAT (Delbrouck, Tits and Dupont 2020): an LSTM for each modality, then transformer layers in which
  the frames of audio attend to the words: keys and values come from the text.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from serlib.papers.cltnet import (
    AttentionPooling,
    DistributionClassifier,
    Sequences,
    padding,
    run_lstm,
)


class SpeechText(DistributionClassifier):
    """Late fusion of two LSTMs, each averaged over time.

    Args:
        labels: the emotions, in the order of the outputs.
        dims: dimensions of ``audio`` and of ``text``.
        width: units of each LSTM.
        lr: Adam's learning rate.
    """

    def __init__(
        self, labels: tuple[str, ...], dims: Mapping[str, int], width: int = 128, lr: float = 1e-3
    ):
        super().__init__(labels, lr=lr)
        self.lstms = nn.ModuleDict(
            {
                name: nn.LSTM(dim, width, num_layers=2, batch_first=True)
                for name, dim in dims.items()
            }
        )
        self.classify = nn.Sequential(
            nn.Linear(width * len(dims), width),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(width, len(labels)),
        )

    def forward(self, features: Mapping[str, Sequences]) -> Tensor:
        """Return logits, (B, emotions)."""
        # The outputs are zero where there is padding, so a sum leaves it out.
        means = [
            run_lstm(lstm, *features[name]).sum(1) / features[name][1][:, None]
            for name, lstm in self.lstms.items()
        ]
        return self.classify(torch.cat(means, 1))


class MAT(DistributionClassifier):
    """Audio whose attention is modulated by text.

    Args:
        labels: the emotions, in the order of the outputs.
        dims: dimensions of ``audio`` and of ``text``.
        width: of both modalities after their LSTMs.
        lr: Adam's learning rate.
    """

    def __init__(
        self, labels: tuple[str, ...], dims: Mapping[str, int], width: int = 128, lr: float = 1e-3
    ):
        super().__init__(labels, lr=lr)
        self.audio = nn.LSTM(dims["audio"], width, batch_first=True)
        self.text = nn.LSTM(dims["text"], width, batch_first=True)
        options = {"dim_feedforward": 2 * width, "dropout": 0.1, "batch_first": True}
        self.words = nn.TransformerEncoderLayer(width, 4, **options)
        self.modulated = nn.MultiheadAttention(width, 4, dropout=0.1, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.feed = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(2 * width, width)
        )
        self.pools = nn.ModuleList(AttentionPooling(width) for _ in range(2))
        self.classify = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(labels)))

    def forward(self, features: Mapping[str, Sequences]) -> Tensor:
        """Return logits, (B, emotions)."""
        (frames, frame_count), (pieces, piece_count) = features["audio"], features["text"]
        audio = run_lstm(self.audio, frames, frame_count)
        text = run_lstm(self.text, pieces, piece_count)
        hidden = padding(text, piece_count)
        text = self.words(text, src_key_padding_mask=hidden)
        found, _ = self.modulated(audio, text, text, key_padding_mask=hidden, need_weights=False)
        audio = self.norms[0](audio + found)
        audio = self.norms[1](audio + self.feed(audio))
        pooled = self.pools[0](audio, frame_count) + self.pools[1](text, piece_count)
        return self.classify(pooled)
