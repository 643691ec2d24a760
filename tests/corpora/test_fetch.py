"""Fetching a corpus, against a server on the loopback that behaves well and badly."""

import hashlib
import io
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from serlib.cli import main
from serlib.corpora import fetch as fetching
from serlib.corpora.fetch import fetch
from serlib.errors import CorpusError

CONTENT = bytes(range(256)) * 4000  # A megabyte: more than the system's buffers hold back.


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


@pytest.fixture
def server(monkeypatch):
    """Serve ``content``; ``mode`` says how, ``asked`` keeps the Range of every request."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = SimpleNamespace(content=CONTENT, mode="good", asked=[], sent=0)
    state.halfway, state.killed = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            state.asked.append(self.headers.get("Range"))
            body, start = state.content, 0
            if state.mode == "missing":
                return self.send_error(404)
            if state.mode == "silent":
                time.sleep(1)
            if self.headers.get("Range") and state.mode != "no ranges":
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                if start >= len(body):
                    return self.send_error(416)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            body = body[start:]
            if state.mode not in ("no length", "flood"):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = len(body) // 2 if state.mode in ("cut", "no length") else len(body)
            if state.mode == "stuck":
                self.wfile.write(body[: len(body) // 2])
                state.halfway.set()
                state.killed.wait(30)
            for _ in range(60 if state.mode == "flood" else 1):
                self.wfile.write(body[:cut])
                state.sent += cut

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.handle_error = lambda *_: None  # That a client hangs up is part of the tests.
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    state.url = f"http://127.0.0.1:{running.server_port}/one.bin"
    yield state
    running.shutdown()
    running.server_close()


def origin(server, content=None, **more):
    content = server.content if content is None else content
    file = {"url": server.url, "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}
    file |= {"bytes": len(content), "to": "sub/one.bin"} | more
    return {"files": [{k: v for k, v in file.items() if v is not None}], "page": "the page"}


def failure(root, where):
    """Fail to fetch with one line, and leave no corpus; return the line."""
    with pytest.raises(CorpusError) as caught:
        fetch("toy", root, where)
    assert not root.exists() and "\n" not in str(caught.value)
    return str(caught.value)


def part(root):
    return root.parent / f".{root.name}.fetching" / "one.bin.part"


def test_a_fetch_is_complete_and_a_second_one_does_nothing(server, tmp_path):
    root = tmp_path / "new" / "toy"
    assert fetch("toy", root, origin(server)) is True
    assert (root / "sub/one.bin").read_bytes() == CONTENT
    assert [path.name for path in root.parent.iterdir()] == ["toy"]
    assert root.stat().st_mode & 0o777 == root.parent.stat().st_mode & 0o777
    assert fetch("toy", root, origin(server)) is False
    assert server.asked == [None]


def test_an_empty_folder_is_filled_and_a_full_one_is_not_touched(server, tmp_path):
    (tmp_path / "toy").mkdir()
    assert fetch("toy", tmp_path / "toy", origin(server))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    assert not fetch("toy", tmp_path / "mine", origin(server))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    with pytest.raises(CorpusError, match="is a file"):
        fetch("toy", tmp_path / "mine/notes.txt", origin(server))


@pytest.mark.parametrize("mode", ["cut", "no length"])
@pytest.mark.parametrize("known", [True, False])
def test_a_fetch_that_was_cut_off_goes_on_from_there(server, tmp_path, mode, known):
    root, where = tmp_path / "toy", origin(server, **({} if known else {"bytes": None}))
    server.mode = mode
    if mode == "no length" and not known:
        # Nothing tells that it is half a file, but its checksum does: it starts clean.
        assert "is not the file whose checksum is known" in failure(root, where)
        server.mode, expected = "good", [None, None]
    else:
        line = failure(root, where)
        assert "was cut off" in line and "goes on from what is loaded" in line
        half = part(root).stat().st_size
        assert 0 < half < len(CONTENT)
        server.mode, expected = "good", [None, f"bytes={half}-"]
    assert fetch("toy", root, where) and server.asked == expected
    assert (root / "sub/one.bin").read_bytes() == CONTENT


def test_a_fetch_that_was_killed_goes_on(server, tmp_path):
    root, where = tmp_path / "toy", origin(server)
    server.mode = "stuck"
    code = f"from serlib.corpora.fetch import fetch; fetch('toy', {str(root)!r}, {where!r})"
    running = subprocess.Popen([sys.executable, "-c", code])
    assert server.halfway.wait(30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (part(root).exists() and part(root).stat().st_size):
        time.sleep(0.01)
    running.kill()
    running.wait()
    server.killed.set()
    half = part(root).stat().st_size
    assert not root.exists() and 0 < half < len(CONTENT)
    server.mode = "good"
    assert fetch("toy", root, where) and server.asked == [None, f"bytes={half}-"]
    assert (root / "sub/one.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_server_without_ranges_starts_clean(server, tmp_path):
    server.mode = "cut"
    failure(tmp_path / "toy", origin(server))
    server.mode = "no ranges"
    assert fetch("toy", tmp_path / "toy", origin(server))
    assert (tmp_path / "toy/sub/one.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_fetch_that_was_killed_after_the_last_byte(server, tmp_path, size):
    root = tmp_path / "toy"
    part(root).parent.mkdir()
    part(root).write_bytes(CONTENT)
    assert fetch("toy", root, origin(server, bytes=size))
    assert (root / "sub/one.bin").read_bytes() == CONTENT
    assert server.asked == ([] if size else [f"bytes={len(CONTENT)}-", None])


def test_another_file_than_the_checksum_is_removed(server, tmp_path):
    root = tmp_path / "toy"
    where = origin(server)
    server.content = CONTENT[:-1] + b"!"
    assert "is not the file whose checksum is known" in failure(root, where)
    assert list(part(root).parent.iterdir()) == []
    server.content = CONTENT
    assert fetch("toy", root, where)


def test_a_part_of_another_file_does_not_stay(server, tmp_path):
    root = tmp_path / "toy"
    part(root).parent.mkdir()
    part(root).write_bytes(b"other" * 1000)
    assert "is not the file whose checksum is known" in failure(root, origin(server))
    assert fetch("toy", root, origin(server))
    longer = tmp_path / "longer"
    part(longer).parent.mkdir()
    part(longer).write_bytes(CONTENT + b"longer")
    assert fetch("toy", longer, origin(server))


def test_an_answer_without_end_is_given_up(server, tmp_path):
    server.mode = "flood"
    assert "is not the file" in failure(tmp_path / "toy", origin(server))
    assert not part(tmp_path / "toy").exists()
    time.sleep(0.2)
    assert server.sent < 30 * len(CONTENT)


def test_no_such_page(server, tmp_path):
    server.mode = "missing"
    line = failure(tmp_path / "toy", origin(server))
    assert line.startswith(f"toy: {server.url} answers 404") and "see the page" in line


def test_no_answer_and_nobody_there(server, tmp_path, monkeypatch):
    monkeypatch.setattr("serlib.corpora.download.TIMEOUT", (0.2, 0.2))
    server.mode = "silent"
    assert "no answer in time" in failure(tmp_path / "toy", origin(server))
    server.url = "http://127.0.0.1:9/one.bin"
    assert "cannot be reached" in failure(tmp_path / "toy", origin(server))


def test_a_full_disk_is_said_and_the_same_call_goes_on(server, tmp_path):
    root = tmp_path / "toy"
    part(root).parent.mkdir()
    try:
        part(root).symlink_to("/dev/full")
    except OSError:
        pytest.skip("no links here")
    if not part(root).exists():
        pytest.skip("no /dev/full on this system")
    line = failure(root, origin(server))
    assert "No space left" in line and "free some space" in line
    part(root).unlink()
    assert fetch("toy", root, origin(server))


def test_an_archive_is_unpacked_with_the_archives_in_it(server, tmp_path):
    inner = zipped(train__words_dot_txt="hello")
    server.content = zipped(top__train_dot_zip=inner, top__readme_dot_txt="read")
    where = origin(server, to=None, strip="top", inner=["train.zip"], unpacked=10_000)
    assert fetch("toy", tmp_path / "toy", where)
    there = {p.relative_to(tmp_path / "toy").as_posix() for p in (tmp_path / "toy").rglob("*.*")}
    assert there == {"train/words.txt", "readme.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_hostile_archive_leaves_nothing(server, tmp_path):
    server.content = zipped(**{"ok_dot_txt": "fine", "..__evil_dot_txt": "evil"})
    where = origin(server, to=None, unpacked=10_000)
    assert "leaves its folder" in failure(tmp_path / "toy", where)
    assert not list(tmp_path.rglob("*.txt"))


@pytest.mark.parametrize("name", ["iemocap", "msp_improv", "msp_podcast", "emorynlp", "tess"])
def test_a_corpus_that_is_not_offered_says_where_it_is(name, tmp_path, capsys):
    assert main(["corpora", "fetch", name, "--root", str(tmp_path / "x"), "--yes"]) == 2
    out, err = capsys.readouterr()
    page = fetching.source(name)["page"]
    assert page in out and page in err and err.count("\n") == 1
    assert not (tmp_path / "x").exists()


@pytest.fixture
def small_emodb(server, monkeypatch, clip, tmp_path):
    """EMO-DB's source, but two clips in a zip file on the loopback."""
    names = ["03a01Wa", "08b09Lb"]
    clips = [clip(tmp_path / f"made/{n}.wav", seed=s, seconds=6) for s, n in enumerate(names)]
    server.content = zipped(**{f"emodb__wav__{c.stem}_dot_wav": c.read_bytes() for c in clips})
    small = origin(server, to=None, strip="emodb", unpacked=1_000_000)
    known = fetching.sources()
    known["emodb"] = known["emodb"] | small
    monkeypatch.setattr(fetching, "sources", lambda: known)
    return tmp_path / "data" / "corpora" / "emodb"


def test_the_command_shows_the_licence_fetches_and_checks(small_emodb, monkeypatch, capsys):
    monkeypatch.setenv("SERLIB_DATA", str(small_emodb.parents[1]))
    assert main(["corpora", "fetch", "emodb", "--yes"]) == 0
    out = capsys.readouterr().out
    for words in ("licence: CC BY 4.0", "to load: 0 MB", "complete in", "2 utterances, 2 speakers"):
        assert words in out
    assert "utterances: 2 here, 535 published (Burkhardt et al. 2005)" in out
    assert main(["corpora", "fetch", "emodb"]) == 0
    out = capsys.readouterr().out
    assert "is there already; nothing is fetched" in out and "licence" not in out
    # A clip that cannot be read is named; it is for the check's own command to fail by it.
    (small_emodb / "wav/03a01Wa.wav").write_bytes(b"")
    assert main(["corpora", "fetch", "emodb"]) == 0
    assert "left out: 1" in capsys.readouterr().out


def test_the_licence_must_be_accepted(small_emodb, server, monkeypatch, capsys):
    argv = ["corpora", "fetch", "emodb", "--root", str(small_emodb)]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    assert main(argv) == 2 and "give --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    for answer, status in {"": 1, "no": 1, "Y": 0}.items():
        assert server.asked == [] and not small_emodb.exists()
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert main(argv) == status
    assert small_emodb.is_dir()


def test_mistakes_of_the_command_are_one_line(monkeypatch, capsys):
    monkeypatch.delenv("SERLIB_DATA", raising=False)
    for name, words in {
        "ravdes": "no source of a corpus 'ravdes'; there are emodb, ravdess",
        "emosynth": "is made on your machine",
        "ravdess": "where to? SERLIB_DATA is unset",
    }.items():
        assert main(["corpora", "fetch", name, "--yes"]) == 2
        out, err = capsys.readouterr()
        assert out == "" and words in err and err.count("\n") == 1


def test_every_source_can_be_verified_or_says_how():
    digits = {"md5": 32, "sha256": 64}
    for name, known in fetching.sources().items():
        assert {"title", "licence", "page"} <= set(known), name
        assert ("files" in known) != ("how" in known), name
        parts = [file["url"].rpartition("/")[2] for file in known.get("files", ())]
        assert len(set(parts)) == len(parts), f"{name}: two files would share one .part"
        for file in known.get("files", ()):
            algorithm, _, value = file["hash"].partition(":")
            assert len(value) == digits[algorithm] and set(value) <= set("0123456789abcdef")
            assert file["checksum"] and ("to" in file) != ("unpacked" in file)
            # Without https only where a cryptographic hash stands in for it.
            assert file["url"].startswith("https://") or algorithm == "sha256"
            assert "/master/" not in file["url"] and "/main/" not in file["url"]


@pytest.mark.real
def test_the_checksums_of_crema_d_are_those_of_the_original_files(real_root):
    for file in fetching.source("crema_d")["files"]:
        path = real_root / "corpora/crema_d" / file["to"].rpartition("/")[2]
        content = path.read_bytes()
        assert file["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert file["bytes"] == len(content)
