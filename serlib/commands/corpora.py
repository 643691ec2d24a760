"""``serlib corpora``, ``serlib corpora check`` and ``serlib extract``."""

import argparse
import inspect
import json
from typing import TYPE_CHECKING

from serlib.commands.values import parse_pairs

if TYPE_CHECKING:
    from serlib.corpora import Corpus


def show(_arguments: argparse.Namespace) -> int:
    """List the corpora."""
    from serlib.corpora import adapter, list_corpora

    width = max(map(len, list_corpora())) + 1
    for name in list_corpora():
        module = adapter(name)
        print(f"{name:<{width}}{module.DESCRIPTION}\n{'':<{width}}licence: {module.LICENCE}")
    return 0


def load(arguments: argparse.Namespace) -> "Corpus":
    """Load the corpus that the arguments name."""
    from serlib.corpora import adapter, load_corpus

    options = parse_pairs(arguments.options, "-o", nested=True)
    if "progress" in inspect.signature(adapter(arguments.corpus).load).parameters:
        options.setdefault("progress", True)
    return load_corpus(arguments.corpus, arguments.root, strict=arguments.strict, **options)


def check(arguments: argparse.Namespace) -> int:
    """Check a copy of a corpus and print what is in it and what is wrong."""
    from serlib.corpora import published
    from serlib.corpora.check import examine, merge

    counts, problems = examine(load(arguments), arguments.strict)
    errors = sum(problem.severity == "error" for problem in problems)
    if arguments.json:
        lines = [f"{problem.severity}: {problem}" for problem in problems]
        print(json.dumps({**counts, "problems": lines}, ensure_ascii=False, indent=2))
        return int(errors > 0)
    # A corpus of text has no minutes, and may name no speakers.
    kinds = ("utterances", "speakers", "dialogues", "minutes")
    total = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
    print(f"{arguments.corpus}: {total}")
    emotions = ", ".join(f"{emotion} {n}" for emotion, n in counts["emotions"].items())
    print(f"emotions: {emotions or 'none'}")
    for line in published.lines(counts["published"]):
        print(line)
    for problem in merge(problems):
        print(f"{problem.severity}: {problem}")
    print(f"left out: {errors}; notes: {len(problems) - errors}")
    return int(errors > 0)


def extract(arguments: argparse.Namespace) -> int:
    """Compute a view of every utterance of a corpus into the store."""
    from serlib import views
    from serlib.errors import ViewError

    known = views.available()
    if arguments.view not in known:
        raise ViewError(f"no view {arguments.view!r}; there are {', '.join(known)}")
    features = views.load(load(arguments), known[arguments.view](), strict=arguments.strict)
    print(f"{len(features.utterances)} utterances in the store, {len(features.left_out)} left out")
    return 0
