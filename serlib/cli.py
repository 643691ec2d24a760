"""The command line: ``serlib corpora``, ``extract``, ``run``, ``cost``.

What a command does is in ``serlib.commands``, which is imported when the command is given.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from serlib import __version__
from serlib.errors import SerlibError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0: done; 1: ``corpora check`` found errors, or a licence was not accepted; 2: a SerlibError,
    printed as one line without a traceback, or wrong usage; 130: interrupted.
    """
    arguments = _parser().parse_args(argv)
    try:
        module, function = arguments.handler
        return getattr(import_module(f"serlib.commands.{module}"), function)(arguments)
    except SerlibError as error:
        print(f"serlib: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "serlib: interrupted; what is done is kept, the same command goes on from there",
            file=sys.stderr,
        )
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="serlib", description="Corpora, views and chapters of the book, from the command line."
    )
    parser.add_argument("--version", action="version", version=f"serlib {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_corpora, _add_extract, _add_run, _add_cost):
        add(commands)
    return parser


def _command(
    commands, name: str, handler: tuple[str, str], text: str, **options
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text, **options)
    parser.set_defaults(handler=handler)
    return parser


def _add_corpora(commands) -> None:
    parser = _command(
        commands, "corpora", ("corpora", "show"), "List the corpora; check a copy; fetch one."
    )
    actions = parser.add_subparsers(metavar="check | fetch")
    check = _command(
        actions,
        "check",
        ("corpora", "check"),
        "Open every file of a corpus; count utterances, speakers, minutes and emotions; say what "
        "is wrong, and which totals differ from the published ones.",
        epilog="Exit status: 0 if all is usable (neither notes nor other totals than published "
        "count), 1 if something had to be left out, 2 if the corpus cannot be loaded, or at the "
        "first error with --strict.",
    )
    _add_corpus(check)
    check.add_argument("--json", action="store_true", help="print one JSON object")
    fetch = _command(
        actions,
        "fetch",
        ("fetch", "fetch"),
        "Fetch an open corpus from its maker's own channel, verify it and check it. For a corpus "
        "that is not open, say how to ask for it.",
        epilog="Exit status: 0 if the corpus is there and can be loaded, whatever its check says; "
        "1 if the licence is not accepted; 2 if it cannot be fetched. A fetch that was cut off "
        "goes on with the same command.",
    )
    fetch.add_argument("corpus", metavar="CORPUS", help="its name, e.g. ravdess")
    fetch.add_argument(
        "--root", help="the folder to be made (default: $SERLIB_DATA/corpora/CORPUS)"
    )
    fetch.add_argument("--yes", action="store_true", help="accept the licence without being asked")


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", metavar="CORPUS", help="a name that `serlib corpora` lists")
    parser.add_argument("--root", help="its own folder (default: $SERLIB_DATA/corpora/CORPUS)")
    parser.add_argument("--strict", action="store_true", help="stop at the first bad file or row")
    parser.add_argument(
        "-o",
        dest="options",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="an option of the corpus, in YAML; -o columns.file=path sets one item of a mapping",
    )


def _add_extract(commands) -> None:
    text = "Compute a view of every utterance into the store; goes on where it was interrupted."
    parser = _command(commands, "extract", ("corpora", "extract"), text)
    _add_corpus(parser)
    parser.add_argument("view", metavar="VIEW", help="a view's short name, e.g. fbank")


def _add_run(commands) -> None:
    text = "Run a chapter's notebook; keep the executed notebook and its records."
    parser = _command(commands, "run", ("chapters", "run"), text)
    parser.add_argument("chapter", metavar="CHAPTER", help="e.g. 04-dsnet")
    for name in ("corpus", "root"):
        parser.add_argument(f"--{name}", help=f"sets the notebook's parameter `{name}`")
    parser.add_argument("--seed", type=int, help="sets the notebook's parameter `seed`")
    parser.add_argument("--profile", help="ci, colab or paper: a set of parameters")
    parser.add_argument(
        "--output", type=Path, help="folder of the run (default: runs/CHAPTER/<UTC time>)"
    )
    parser.add_argument("-p", dest="parameters", metavar="NAME=VALUE", action="append", default=[])
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, default=True)


def _add_cost(commands) -> None:
    parser = _command(
        commands, "cost", ("chapters", "cost"), "Count a model's parameters and operations."
    )
    parser.add_argument("model", choices=["dsnet"])
    parser.add_argument("--width", type=int, default=32, help="channels of the first block")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


if __name__ == "__main__":
    sys.exit(main())
