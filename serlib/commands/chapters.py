"""``serlib run`` and ``serlib cost``."""

import argparse
import json

from serlib.commands.values import parse_pairs
from serlib.errors import ParameterError


def run(arguments: argparse.Namespace) -> int:
    """Run a chapter with its parameters."""
    from serlib.run import run_chapter

    parameters = parse_pairs(arguments.parameters, "-p")
    for name in ("corpus", "root", "seed"):
        value = getattr(arguments, name)
        if value is not None and name in parameters:
            raise ParameterError(f"{name} is given twice, as --{name} and -p {name}; give one")
        if value is not None:
            parameters[name] = value
    executed = run_chapter(
        arguments.chapter,
        profile=arguments.profile,
        parameters=parameters,
        output=arguments.output,
        progress=arguments.progress,
    )
    print(executed)
    return 0


def cost(arguments: argparse.Namespace) -> int:
    """Print a model's parameters and operations."""
    from serlib.papers import dsnet

    if arguments.width < 1:
        raise ParameterError(f"--width {arguments.width} must be at least 1")
    counts = dsnet.cost(arguments.width)
    if arguments.json:
        print(json.dumps(counts, indent=2))
        return 0
    for name, value in counts.items():
        print(f"{name:<24}{value:>16,}")
    return 0
