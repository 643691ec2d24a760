"""What ``load`` gives: the arrays of a corpus, opened from the store one at a time."""

from collections.abc import Iterator, Mapping

import numpy as np

from serlib.errors import Problem, ViewError
from serlib.views.base import View
from serlib.views.store import Store


class Features(Mapping[str, np.ndarray]):
    """Utterance → array, in the corpus' order, opened (mapped, read-only) when asked for.

    Attributes:
        utterances: the ids that have an array.
        left_out: a Problem for each that has none.
        view: what was computed.
    """

    def __init__(self, view: View, store: Store, keys: dict[str, str], left_out: list[Problem]):
        self.view, self.left_out, self.utterances = view, left_out, list(keys)
        self._store, self._keys, self._folder = store, keys, folder(view)
        self._mapped = _room_for(len(keys))

    def __getitem__(self, utterance: str) -> np.ndarray:
        return self._store.read(self._folder, self._keys[utterance], self._mapped)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def stack(self) -> np.ndarray:
        """All vectors as one matrix, shape (n, dims), rows in the order of ``utterances``.

        Raises:
            ViewError: the view gives frames, or there is nothing to stack.
        """
        arrays = [np.array(self[utterance]) for utterance in self.utterances]
        if not arrays or {array.ndim for array in arrays} != {1}:
            raise ViewError(
                f"{self.view.name}: {len(arrays)} arrays that are not vectors cannot be stacked; "
                "take them one by one, or reduce them over their frames first"
            )
        return np.stack(arrays)


def folder(view: View) -> str:
    """The name of a view's folder in the store."""
    return f"{view.name}-{view.fingerprint}"


def _room_for(arrays: int) -> bool:
    """Whether so many arrays can be mapped at once: each holds a file open while it lives.

    The soft limit on open files (often 1024) is raised towards the hard one where that is needed.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return True
    wanted = 4 * arrays + 512
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) or soft >= wanted:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    except (OSError, ValueError):
        return False
    return wanted <= hard
