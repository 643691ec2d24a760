"""CASN's relatives, trained in episodes, and few-shot reading of other label sets.

An episode is a small task: of each class a few *support* utterances and a few *queries*.
Prototypical Networks (Snell et al. 2017, arXiv 1703.05175) compare a query with the mean of the
support; Relation Networks (Sung et al. 2018, arXiv 1711.06025) learn the comparison.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.errors import ProtocolError
from serlib.papers.casn import CASN
from serlib.papers.casn_readout import prototype_scores, prototypes
from serlib.papers.casn_turns import Turns


def split_episode(emotion: Tensor, shots: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cut a batch into an episode: of each class up to ``shots`` support, as many queries.

    Classes with a single turn cannot be both, and are left out of the episode.

    Args:
        emotion: classes of the batch, (N,).
        shots: support of a class; fewer where there are fewer than two of each.

    Returns:
        The classes of the episode, (K,); rows of the support, and of the queries.
    """
    classes, support, query = [], [], []
    for c in emotion.unique():
        rows = torch.nonzero(emotion == c).flatten()
        rows = rows[torch.randperm(len(rows))[: 2 * shots]]
        if len(rows) > 1:
            classes.append(c), support.append(rows[: len(rows) // 2])
            query.append(rows[len(rows) // 2 :])
    if not classes:
        none = torch.empty(0, dtype=torch.long)
        return none, none, none
    return torch.stack(classes), torch.cat(support), torch.cat(query)


class Episodic(CASN):
    """A context encoder trained in episodes of a batch; ``kind`` says how a query is compared.

    Args:
        labels: the emotions.
        inputs: d.
        kind: ``"prototypical"`` or ``"relation"``.
        shots: support of a class.
        options: of `CASN`: lr, weight_decay, dim, layers, …
    """

    def __init__(self, labels, inputs, kind="prototypical", shots=8, **options):
        super().__init__(labels, inputs, cross_entropy=0.0, **options)
        if kind not in ("prototypical", "relation"):
            raise ProtocolError(f"kind {kind!r}: unknown; use prototypical or relation")
        self.kind, self.shots = kind, shots
        dim = self.sums.shape[1]
        self.relation = nn.Sequential(nn.Linear(2 * dim, dim), nn.ReLU(), nn.Linear(dim, 1))
        self.relation.requires_grad_(kind == "relation")

    def compare(self, z: Tensor, means: Tensor) -> Tensor:
        """Say how well each query fits each class, (queries, classes); more is better."""
        if self.kind == "prototypical":
            return -torch.cdist(z, means).square()
        return relation_scores(z, means, self.relation)

    def forward(self, turns: Turns) -> Tensor:
        """Return how well the turns fit the prototypes of the epoch, (N, C).

        A relation score r becomes its log odds, so that a bias means the same for both kinds.
        """
        scores = self.compare(self.vectors(turns), self.sums / self.counts.clamp(min=1)[:, None])
        return scores if self.kind == "prototypical" else torch.logit(scores, 1e-6)

    def losses(self, batch: dict) -> dict[str, Tensor]:
        """Cross-entropy over prototypes, or the squared error of relation scores."""
        z, emotion = self.vectors(batch["dialogue"]).float(), batch["emotion"]
        self.sums.index_add_(0, emotion, z.detach())
        self.counts += torch.bincount(emotion, minlength=len(self.labels))
        classes, support, query = split_episode(emotion, self.shots)
        if not len(classes):
            return {"loss": 0 * z.sum()}
        means = torch.stack([z[support[emotion[support] == c]].mean(0) for c in classes])
        scores, truth = self.compare(z[query], means), torch.searchsorted(classes, emotion[query])
        if self.kind == "prototypical":
            return {"loss": F.cross_entropy(scores, truth)}
        return {"loss": F.mse_loss(scores, F.one_hot(truth, len(classes)).float())}


def relation_scores(z: Tensor, means: Tensor, relation: nn.Module) -> Tensor:
    """Let a small network say how well a query and a prototype belong together.

    Equation: 6.11

    Args:
        z: queries, (Q, D).
        means: μ, prototypes, (K, D).
        relation: g, maps (…, 2 D) to (…, 1).

    Returns:
        r, (Q, K), in (0, 1): r_qc = σ(g([μ_c; z_q])).
    """
    pairs = [means.expand(len(z), *means.shape), z[:, None].expand(-1, len(means), -1)]
    return relation(torch.cat(pairs, -1)).squeeze(-1).sigmoid()


def few_shot(
    z: np.ndarray, emotion: np.ndarray, new: np.ndarray, classes: int, shots: int, seed: int
) -> np.ndarray:
    """Read another label set from vectors of an unchanged encoder, by a few examples a class.

    Args:
        z: vectors of the other corpus' training part, (N, D).
        emotion: their classes as numbers, (N,).
        new: vectors to classify, (M, D).
        classes: C.
        shots: examples a class, drawn without replacement.
        seed: of the draw.

    Returns:
        Scores of the nearest prototype, (M, C).

    Raises:
        ProtocolError: a class has fewer examples than that.
    """
    number = np.bincount(emotion, minlength=classes)
    if number.min() < shots:
        raise ProtocolError(
            f"class {int(number.argmin())} has {number.min()} examples, not {shots}; ask for fewer"
        )
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(emotion == c))[:shots] for c in range(classes)]
    chosen = np.concatenate(rows)
    return prototype_scores(new, prototypes(z[chosen], emotion[chosen], classes))
