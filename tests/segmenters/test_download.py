"""Downloads from a server in this process."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.download import UnreachableError, download
from nerfseg_ns.segmenters.weights import WeightFile

CONTENT = bytes(range(256)) * 5000


class Server:
    """Sends ``content``; notes the ranges asked for; breaks off after ``breaks_after`` bytes of one answer."""

    def __init__(self):
        self.content, self.ranges, self.breaks_after, self.knows_ranges, self.status = CONTENT, [], None, True, 200
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = self.headers.get("Range")
                server.ranges.append(asked)
                if server.status != 200:
                    return self.send_error(server.status)
                start = int(asked[len("bytes=") : -1]) if asked and server.knows_ranges else 0
                self.send_response(206 if start else 200)
                body = server.content[start:]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if server.breaks_after is None else body[: server.breaks_after])

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/sam.pth"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def file(server):
    return WeightFile("sam.pth", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), server.address)


def test_a_file_arrives_whole_and_leaves_nothing_beside_it(file, tmp_path):
    download(file, tmp_path / "new", "")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sam.pth"]
    assert (tmp_path / "new" / "sam.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_broken_download_goes_on_where_it_stopped(knows_ranges, file, server, tmp_path):
    server.breaks_after, server.knows_ranges = 300_000, knows_ranges
    with pytest.raises(UnreachableError, match="go on"):
        download(file, tmp_path, "")
    assert not (tmp_path / "sam.pth").exists()
    server.breaks_after = None
    download(file, tmp_path, "")
    assert server.ranges == [None, "bytes=300000-"]
    assert (tmp_path / "sam.pth").read_bytes() == CONTENT


def test_a_whole_partial_file_is_not_fetched_again(file, server, tmp_path):
    (tmp_path / "sam.pth.partial").write_bytes(CONTENT)
    download(file, tmp_path, "")
    assert server.ranges == [] and (tmp_path / "sam.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"x", CONTENT + b"more"], ids=["other", "longer"])
def test_a_wrong_file_is_refused_and_not_gone_on_with(content, file, server, tmp_path):
    server.content = content
    with pytest.raises(InputError, match="not the published file.*bring it along") as raised:
        download(file, tmp_path, "bring it along")
    assert not isinstance(raised.value, UnreachableError)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_refuses_or_is_not_there_is_an_error_with_the_way_around(file, server, tmp_path):
    server.status = 503
    with pytest.raises(UnreachableError, match="the download failed: .*bring it along"):
        download(file, tmp_path, "bring it along")
    nowhere = WeightFile(file.name, file.sha256, file.size, "http://127.0.0.1:9/sam.pth")
    with pytest.raises(UnreachableError, match="Connection refused.*bring it along"):
        download(nowhere, tmp_path, "bring it along")


def test_a_folder_that_cannot_be_made_is_named(file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        download(file, tmp_path / "file" / "folder", "")
