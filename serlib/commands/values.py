"""``name=value`` on the command line: the value is a YAML scalar or list."""

import re
from collections.abc import Sequence

import yaml

from serlib.errors import ParameterError


class _Loader(yaml.SafeLoader):
    """YAML with the types of version 1.2: 1e-3 is a number, but 03, 1:30, no and on are text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012


for _tag, _pattern in {
    "bool": "true|True|false|False",
    "null": "null|None|~",
    "int": r"[-+]?(0|[1-9]\d*)",
    "float": r"[-+]?((\d+\.\d*|\.\d+)([eE][-+]?\d+)?|\d+[eE][-+]?\d+)",
}.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), None)


def parse_pairs(pairs: Sequence[str], flag: str, nested: bool = False) -> dict[str, object]:
    """Read ``name=value`` pairs.

    Args:
        pairs: as given on the command line.
        flag: the flag they were given with, for the messages.
        nested: let ``columns.file=path`` set the item ``file`` of the mapping ``columns``.

    Raises:
        ParameterError: a pair without ``=`` or name, a value that is no YAML, a name given twice.
    """
    values: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise ParameterError(f"{flag} {pair}: not NAME=VALUE; write it like {flag} seed=1")
        try:
            value = yaml.load(text, _Loader)  # A SafeLoader: it makes no objects.
        except yaml.YAMLError:
            raise ParameterError(f"{flag} {pair}: the value is no YAML; quote it") from None
        outer, dot, inner = name.partition(".") if nested else (name, "", "")
        place = values.setdefault(outer, {}) if dot else values
        if not isinstance(place, dict) or (inner or outer) in place:
            raise ParameterError(f"{flag} {pair}: {name} is given twice; give it once")
        place[inner or outer] = value
    return values
