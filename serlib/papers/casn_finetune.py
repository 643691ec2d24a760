"""CASN with its sentence encoder trained too: words, turns and dialogue in one model.

The lower layers of the sentence encoder read every turn by itself; in its last layers the words of
a dialogue see each other. Turns are then averaged and go through CASN's context encoder, so that
both its losses reach the words. Shapes as in `casn`; N word pieces in a batch, d their dimensions.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AutoModel

from serlib.errors import ProtocolError
from serlib.papers.casn import CASN
from serlib.papers.casn_turns import ROLES, Turns
from serlib.papers.casn_words import Spans, WordTurns
from serlib.views import weights

_CLIP = 1.0


def packed_attention(module, query, key, value, _, scaling, spans: Spans, **__):
    """Let the pieces of each span, and no others, see each other.

    Args:
        module: the attention module that asks.
        query: (1, heads, N, d / heads); so are key and value.
        key: see query.
        value: see query.
        scaling: 1 / √(d / heads).
        spans: who sees whom.

    Returns:
        (1, N, d), and no weights, as transformers' interface wants it.
    """
    heads, found = query.shape[1], []
    q, k, v = (x[0].transpose(0, 1).flatten(1) for x in (query * scaling, key, value))
    for rows, padded in zip(spans.rows, spans.padded, strict=True):
        shape = (len(padded), padded.shape[-1], heads, -1)
        a, b, c = (x.index_select(0, rows).view(shape).transpose(1, 2) for x in (q, k, v))
        weight = (a @ b.transpose(-1, -2)).masked_fill(padded, -1e4).softmax(-1)
        found.append((weight.to(c.dtype) @ c).transpose(1, 2).reshape(len(rows), -1))
    return torch.cat(found).index_select(0, spans.places)[None], None


AttentionInterface.register("packed", packed_attention)


class WordEncoder(nn.Module):
    """A sentence encoder that reads whole dialogues.

    Args:
        model: a BERT-like sentence encoder: see `serlib.views.Sentence`; or one that is loaded.
        across: its last layers in which the words of a dialogue see each other.
        frozen: its first layers that, with the embeddings, are not trained.
        window: the longest sequence of turns.
        half: compute in bfloat16, about twice as fast on newer CPUs.
    """

    def __init__(self, model, across: int = 3, frozen: int = 2, window: int = 32, half=True):
        super().__init__()
        self.bert = _loaded(model) if isinstance(model, str) else model
        self.layers, size = self.bert.encoder.layer, self.bert.config.hidden_size
        if not (0 <= across <= len(self.layers) and 0 <= frozen <= len(self.layers)):
            raise ProtocolError(
                f"across={across}, frozen={frozen}: the model has {len(self.layers)} layers"
            )
        self.first, self.half = len(self.layers) - across, half
        self.turn, self.role = nn.Embedding(window, size), nn.Embedding(ROLES, size)
        for table in (self.turn, self.role):
            nn.init.normal_(table.weight, std=0.02)
        for part in (self.bert.embeddings, *self.layers[:frozen]):
            part.requires_grad_(False)

    def forward(self, turns: WordTurns) -> Tensor:
        """Return a vector of length 1 for each turn, (B, T, d), in full precision; 0 if padded."""
        place = turns.pieces.device.type
        with torch.autocast(place, torch.bfloat16, enabled=self.half):
            x = self._read(turns)
        rows, steps = turns.present.shape
        sums = torch.zeros(rows * steps, x.shape[-1], device=x.device)
        # The mean, but for its length, which the next line sets to 1.
        sums = sums.index_add(0, turns.slot, x.float())
        return F.normalize(sums, dim=-1).view(rows, steps, -1)

    def _read(self, turns: WordTurns) -> Tensor:
        x = self.bert.embeddings(turns.pieces[None], position_ids=turns.position[None])
        x = x.bfloat16() if self.half else x
        for number, layer in enumerate(self.layers):
            if number == self.first:
                step = turns.slot % turns.present.shape[1]
                who = self.turn(step) + self.role(turns.role.flatten()[turns.slot])
                x = x + who.to(x.dtype)
            spans = turns.across if number >= self.first else turns.within
            x = layer(x, None, spans=spans)
        return x[0]


class FineTunedCASN(CASN):
    """CASN on words; the losses, the score it watches and the options are those of `CASN`.

    Args:
        labels: see `CASN`.
        words: the sentence encoder.
        words_lr: the highest learning rate of its last layer.
        decay: what the rate is multiplied by from layer to layer, downwards.
        options: of `CASN`.
    """

    def __init__(self, labels, words: WordEncoder, *, words_lr=5e-5, decay=0.9, **options):
        super().__init__(labels, words.bert.config.hidden_size, **options)
        self.words, self.words_lr, self.decay = words, words_lr, decay

    def vectors(self, turns: WordTurns) -> Tensor:
        """Return z of the classified turns, (N, D), in full precision."""
        return super().vectors(self._sentences(turns))

    def embed(self, turns: WordTurns) -> dict[str, Tensor]:
        """Return z, and ``e``, the sentence encoder's vectors, of the classified turns."""
        sentences = self._sentences(turns)
        return {"z": super().vectors(sentences), "e": sentences.vectors[turns.scored]}

    def _sentences(self, turns: WordTurns) -> Turns:
        return replace(turns, vectors=self.words(turns))

    def configure_gradient_clipping(self, optimizer, *_, **__):
        """Clip the norm of all gradients: single dialogues give steep ones."""
        self.clip_gradients(optimizer, _CLIP, "norm")

    def configure_optimizers(self):
        """AdamW, with smaller rates further down; they rise for a tenth of the steps, then fall."""
        inner = {id(p) for p in self.words.bert.parameters()}
        groups, rates = [[p for p in self.parameters() if id(p) not in inner]], [self.lr]
        for depth, layer in enumerate(reversed(self.words.layers)):
            groups.append([p for p in layer.parameters() if p.requires_grad])
            rates.append(self.words_lr * self.decay**depth)
        kept = [(g, r) for g, r in zip(groups, rates, strict=True) if g]
        parts = [{"params": group} for group, _ in kept]
        optimizer = torch.optim.AdamW(parts, lr=self.lr, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [rate for _, rate in kept],
            total_steps=self.trainer.estimated_stepping_batches,
            pct_start=0.1,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _loaded(model: str) -> nn.Module:
    folder = weights.find(model)
    with weights.loading(folder):
        # No dropout of attention weights: `packed_attention` has none.
        bert = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            attn_implementation="packed",
            attention_probs_dropout_prob=0.0,
        )
    if bert.config.model_type != "bert":
        raise ProtocolError(f"{model}: a {bert.config.model_type} model; give one of type bert")
    return bert.train()  # It comes without dropout, and Lightning leaves it as it is.
