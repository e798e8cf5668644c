"""The Hugging Face Hub, played by a server of this machine: arguments, files and failures alone."""

import http.server
import json
import pathlib
import threading

import tfgan_kit as gk
from tfgan_kit.runs import hub
from tfgan_kit.training.preset_files import MEMBERS

import huggingface_hub
import pytest

pytestmark = pytest.mark.thorough
COMMIT = "a" * 40


class _Hub(http.server.BaseHTTPRequestHandler):
    """What the client of huggingface_hub 2.4 asks for a download and an upload of small files."""

    def log_message(self, *_):
        pass

    def answer(self, content, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(content), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def told(self, value, status=200):
        self.answer(json.dumps(value).encode(), status, Content_Type="application/json")

    def do_GET(self):
        files = self.server.files
        if self.path.startswith("/api/models/someone/digits/tree/"):
            tree = [{"type": "file", "path": name, "size": len(body), "oid": name} for name, body in files.items()]
            self.told(tree)
        elif self.path.startswith("/api/models/someone/digits"):
            siblings = [{"rfilename": name} for name in files]
            self.told({"id": "someone/digits", "modelId": "someone/digits", "sha": COMMIT, "siblings": siblings})
        elif self.path.startswith("/someone/digits/resolve/") and self.path.rpartition("/")[2] in files:
            name = self.path.rpartition("/")[2]
            self.answer(files[name], X_Repo_Commit=COMMIT, ETag=f'"{name}"')
        else:
            self.answer(b"", 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        if self.headers.get("Authorization") != "Bearer hf_right":
            self.told({"error": "Invalid username or password."}, 401)
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            self.told({"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]})
        elif "/commit/" in self.path:
            url = f"https://huggingface.co/someone/digits/commit/{COMMIT}"
            self.told({"commitUrl": url, "commitOid": COMMIT, "hookOutput": ""})
        else:
            self.told({"url": "https://huggingface.co/someone/digits"})


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A Hub with one repository, `someone/digits`, whose files are `server.files`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.files, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    api = huggingface_hub.HfApi(server.url)
    for name in ("snapshot_download", "create_repo", "upload_folder"):
        monkeypatch.setattr(huggingface_hub, name, getattr(api, name))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(tmp_path / "packed"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    gan = gk.GAN(gk.networks.DCGANGenerator(8, 1, 4, width=2), gk.networks.DCGANDiscriminator(8, 1, 2))
    gan.compile("sgd", "sgd")
    folder = tmp_path_factory.mktemp("preset") / "digits"
    gan.save_to_preset(folder)
    return folder


def test_a_preset_is_fetched_with_its_own_files_and_no_others(server, preset, tmp_path, monkeypatch):
    server.files = {path.name: path.read_bytes() for path in preset.iterdir()} | {"evil.py": b"raise SystemExit"}
    folder = hub.download_preset("hf://someone/digits")
    assert {path.name for path in folder.iterdir()} == {*MEMBERS, "README.md", "samples.png"}
    assert gk.from_preset("hf://someone/digits").image_shape == (8, 8, 1)


@pytest.mark.parametrize(
    "handle, message",
    [
        ("hf://someone", "is spelled hf://USER/NAME. Received: hf://someone$"),
        ("hf://someone/else", "cannot be fetched: .*Received: hf://someone/else$"),
        ("hf://someone/digits", "is no preset, which holds config.json"),
    ],
)
def test_what_cannot_be_fetched_is_said_in_a_sentence(handle, message, server):
    server.files = {"README.md": b"no weights"}
    with pytest.raises(ValueError, match=message):
        gk.from_preset(handle)


def test_no_network_is_said_in_a_sentence(server, monkeypatch):
    server.shutdown()
    server.server_close()
    with pytest.raises(ValueError, match="cannot be fetched: .*Received: hf://someone/digits"):
        hub.download_preset("hf://someone/digits")


def test_a_folder_is_uploaded_with_its_files_by_the_token(server, preset, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert hub.upload_preset("hf://someone/digits", preset, private=True).endswith(COMMIT)
    (made, _, wanted), *_, (path, _, commit) = server.asked
    assert made == "/api/repos/create" and json.loads(wanted)["name"] == "digits"
    assert path == "/api/models/someone/digits/commit/main"
    lines = [json.loads(line) for line in commit.splitlines()]
    assert {line["value"]["path"] for line in lines if line["key"] == "file"} == {p.name for p in preset.iterdir()}


def test_a_wrong_token_and_a_folder_that_is_no_preset_are_said(server, preset, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ValueError, match=r"cannot be uploaded: .*\(It needs a token.*Received: hf://someone/digits"):
        hub.upload_preset("hf://someone/digits", preset)
    with pytest.raises(ValueError, match="A preset's folder holds config.json"):
        hub.upload_preset("hf://someone/digits", pathlib.Path(tmp_path))
