"""Triplets in a batch of utterances: which are taken, and what they cost.

All by pytorch-metric-learning, whose losses normalise and reduce by defaults of their own:
distance, normalisation, reducer and margin are therefore stated here.
"""

from dataclasses import dataclass

import torch
from pytorch_metric_learning import distances, losses, miners, reducers
from torch import Tensor

from serlib.errors import ProtocolError

MINERS = ("uniform", "semi-hard", "batch-hard")
DISTANCES = ("euclidean", "squared", "cosine")
REDUCERS = {"mean": reducers.MeanReducer, "non-zero": reducers.AvgNonZeroReducer}


@dataclass(frozen=True)
class Triplets:
    """How triplets are made and compared; the defaults are the paper's loss.

    A batch is mostly neutral, so a few turns of each class are drawn first, and triplets among
    them only.

    Attributes:
        miner: ``"uniform"``: anchor class, then negative class, then turns, each uniformly.
            ``"semi-hard"``: all whose negative is farther than the positive by less than the
            margin. ``"batch-hard"``: of each anchor its farthest positive and nearest negative.
        distance: ``"euclidean"``, its ``"squared"``, or ``"cosine"`` (1 − cosine).
        margin: m.
        normalise: scale each vector to length 1 first; always so for the cosine.
        reducer: mean over all triplets (``"mean"``), or over those that cost (``"non-zero"``).
        per_class: at most so many turns of a class are drawn from a batch.
    """

    miner: str = "uniform"
    distance: str = "euclidean"
    margin: float = 1.0
    normalise: bool = False
    reducer: str = "mean"
    per_class: int = 16

    def __post_init__(self):
        for name, known in (("miner", MINERS), ("distance", DISTANCES), ("reducer", REDUCERS)):
            if (value := getattr(self, name)) not in known:
                raise ProtocolError(f"{name} {value!r}: unknown; use one of {', '.join(known)}")

    def __call__(self, z: Tensor, emotion: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar: 0 if it has no triplet.

        Args:
            z: vectors, (N, D).
            emotion: their classes, (N,).
        """
        chosen = balanced_subset(emotion, self.per_class)
        z, emotion = z[chosen].float(), emotion[chosen]
        found = self.mine(z, emotion)
        return self.loss(z, emotion, found) if len(found[0]) else 0 * z.sum()

    def mine(self, z: Tensor, emotion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Choose triplets: rows of anchors, positives and negatives, each (triplets,)."""
        if self.miner == "uniform":
            return uniform_triplets(emotion, len(emotion))
        if self.miner == "semi-hard":
            miner = miners.TripletMarginMiner(
                self.margin, type_of_triplets="semihard", distance=self._distance()
            )
        else:
            miner = miners.BatchHardMiner(distance=self._distance())
        with torch.no_grad():
            return miner(z, emotion)

    def loss(self, z: Tensor, emotion: Tensor, triplets: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Ask that an anchor be nearer to its positive than to its negative, by a margin.

        Equation: 6.5

        Args:
            z: (N, D).
            emotion: (N,).
            triplets: rows (a, p, n) of z.

        Returns:
            L_T, a scalar: the mean of max(0, d(z_a, z_p) − d(z_a, z_n) + m).
        """
        reducer = REDUCERS[self.reducer]()
        loss = losses.TripletMarginLoss(self.margin, distance=self._distance(), reducer=reducer)
        return loss(z, emotion, triplets)

    def _distance(self) -> distances.BaseDistance:
        if self.distance == "cosine":
            return distances.CosineSimilarity()
        power = 2 if self.distance == "squared" else 1
        return distances.LpDistance(normalize_embeddings=self.normalise, p=2, power=power)


def balanced_subset(emotion: Tensor, per_class: int) -> Tensor:
    """Draw at most so many rows of each class; their numbers, (rows,)."""
    order = torch.randperm(len(emotion), device=emotion.device)
    one_hot = torch.nn.functional.one_hot(emotion[order])
    rank = (one_hot.cumsum(0) * one_hot).sum(1)  # 1 for the first of its class, and so on
    return order[rank <= per_class]


def uniform_triplets(emotion: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw triplets: an anchor class, another class as negative, then rows, each uniformly.

    Classes with one row cannot give an anchor and a positive; they can give negatives.
    """
    rows = [torch.nonzero(emotion == c).flatten() for c in emotion.unique()]
    anchors = [i for i, own in enumerate(rows) if len(own) > 1]
    if not anchors or len(rows) < 2:
        none = torch.empty(0, dtype=torch.long, device=emotion.device)
        return none, none, none
    a, p, n = [], [], []
    for pick in torch.randint(len(anchors), (count,)).tolist():
        own = rows[anchors[pick]]
        others = [row for i, row in enumerate(rows) if i != anchors[pick]]
        pair = own[torch.randperm(len(own))[:2]]
        other = others[int(torch.randint(len(others), ()))]
        a.append(pair[0]), p.append(pair[1]), n.append(other[int(torch.randint(len(other), ()))])
    return torch.stack(a), torch.stack(p), torch.stack(n)
