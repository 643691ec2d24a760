"""Loading one file over HTTP: pooch verifies it, and a download that was cut off goes on."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from serlib.errors import CorpusError

if TYPE_CHECKING:
    import requests

TIMEOUT = (10, 60)  # Seconds to connect, and between two pieces of the answer.
_PIECE = 1 << 16


def download(file: Mapping, folder: Path, name: str, page: str) -> Path:
    """Load a file into a folder, or find it there; either way it is what its checksum says.

    Args:
        file: ``url``, ``hash`` (``algorithm:digits``) and, where known, ``bytes``.
        folder: where it goes; what is loaded so far is beside it as ``….part``.
        name: the corpus', for the messages.
        page: where its maker publishes it.

    Raises:
        CorpusError: no answer, a refusal, a connection that was cut off (the part stays), or other
            content than the checksum's (nothing stays).
        OSError: it cannot be written.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    url, target = file["url"], file["url"].rpartition("/")[2]
    part = folder / f"{target}.part"
    downloader = _Resuming(part, file.get("bytes"))
    try:
        return Path(pooch.retrieve(url, file["hash"], target, folder, downloader=downloader))
    except requests.HTTPError as error:
        status = f"{error.response.status_code} {error.response.reason}".strip()
        raise CorpusError(
            f"{name}: {url} answers {status}; see {page} for where it is now"
        ) from None
    except requests.RequestException as error:
        slow = isinstance(error, requests.Timeout)
        reason = "no answer in time" if slow else "cannot be reached, or was cut off"
        raise CorpusError(
            f"{name}: {url}: {reason}; the same command goes on from what is loaded, and {page} "
            "tells if it has moved"
        ) from None
    except ValueError:
        part.unlink(missing_ok=True)
        raise CorpusError(
            f"{name}: {url} is not the file whose checksum is known ({file['hash']}), so it was "
            f"removed; try once more, or see {page} for a newer version"
        ) from None


class _Resuming:
    """A downloader for pooch that keeps what it has, and asks for the rest by HTTP Range."""

    def __init__(self, part: Path, size: int | None):
        self.part, self.size = part, size

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        have = self.part.stat().st_size if self.part.is_file() else 0
        if self.size is None or have != self.size:
            self._load(url, have)
        self.part.replace(output_file)  # pooch checks it, and removes it if it is something else.

    def _load(self, url: str, have: int) -> None:
        import requests

        # A compressed answer could not be continued at a byte of the file.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if have and answer.status_code == 416:  # Nothing is left, or another file is there.
                self.part.unlink()
                return self._load(url, 0)
            answer.raise_for_status()
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            self._write(answer, have if answer.status_code == 206 and goes_on else 0)

    def _write(self, answer: "requests.Response", have: int) -> None:
        import requests
        from tqdm import tqdm

        title = self.part.name.removesuffix(".part")
        bar = tqdm(
            desc=title, total=self.size, initial=have, unit="B", unit_scale=True, disable=None
        )
        with self.part.open("ab" if have else "wb") as file, bar:
            for piece in answer.iter_content(_PIECE):
                have += len(piece)
                if self.size is not None and have > self.size:
                    raise ValueError("longer than it should be")
                file.write(piece)
                bar.update(len(piece))
        if self.size is not None and have < self.size:
            raise requests.exceptions.ChunkedEncodingError("ended early")
