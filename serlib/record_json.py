"""How records become JSON: plain values, no machine's paths, a line an item, a schema a kind."""

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from serlib.errors import RecordError


def plain(value: Any, digits: int | None = 6) -> Any:
    """Turn NumPy's and pandas' values into JSON's; NaN, NA and infinities become None.

    Args:
        value: any nesting of mappings, sequences, arrays and scalars.
        digits: significant digits that floats keep; None for all.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if hasattr(value, "tolist"):  # Arrays, NumPy scalars and tensors.
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if digits is None else float(f"{value:.{digits}g}")
    return None if type(value).__name__ == "NAType" else value


def anonymous(value: Any) -> Any:
    """Keep only the last part of absolute paths: a record must not tell whose machine it was."""
    if isinstance(value, dict):
        return {key: anonymous(item) for key, item in value.items()}
    if isinstance(value, list):
        return [anonymous(item) for item in value]
    if isinstance(value, str):
        for kind in (PurePosixPath, PureWindowsPath):
            if kind(value).is_absolute():
                return kind(value).name
    return value


def slug(text: str) -> str:
    """Return a text as one part of a file name: no separator, no wildcard, no hyphen."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", text).strip("_.") or "_"


def layout(data: dict) -> str:
    """Return JSON with one line per field, and per item of a mapping or a list of mappings."""
    return _block({k: _nested(v) for k, v in data.items()}, indent="  ", close="")


def _nested(value: Any) -> str:
    if isinstance(value, dict) and value:
        lines = {key: _compact(value[key]) for key in sorted(value)}
        return _block(lines, indent="    ", close="  ")
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {_compact(item)}" for item in value) + "\n  ]"
    return _compact(value)


def _block(lines: dict[str, str], indent: str, close: str) -> str:
    body = ",\n".join(f"{indent}{_compact(key)}: {text}" for key, text in lines.items())
    return f"{{\n{body}\n{close}}}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def parse(path: Path) -> Any:
    """Read a file of strict JSON (no NaN).

    Raises:
        RecordError: it is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordError(f"{path}: not a readable record ({reason}); run it again") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON; an undefined number is null")


def validate(data: Any, schema: str, where: object, action: str) -> None:
    """Check data against ``serlib/schemas/<schema>.json``.

    Raises:
        RecordError: one line with the place, the field, what is wrong with it, and the action.
    """
    from jsonschema.exceptions import best_match

    error = best_match(_validator(schema).iter_errors(data))
    if error is not None:
        at = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        message = re.sub(r"\s+", " ", error.message)
        message = message if len(message) < 200 else f"{message[:90]} ... {message[-90:]}"
        raise RecordError(f"{where}: field {at.lstrip('.') or '(top level)'}: {message}; {action}")


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    text = resources.files("serlib").joinpath("schemas", f"{schema}.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))
