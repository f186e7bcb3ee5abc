"""GitHub's releases on a local port: the part of its REST API that the registry uses, in its recorded form.

Field names, status codes, the template in ``upload_url``, the 422 of a name that is taken and the
redirect of a download to a storage host are those of the API of 2022-11-28.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

TOKEN = "a-token"  # noqa: S105
REPOSITORY = "someone/models"


class GitHub:
    """What the server holds; ``is_down`` makes it answer 503."""

    def __init__(self) -> None:
        self.releases: dict[str, dict] = {}
        self.files: dict[int, bytes] = {}
        self.storage_saw_token = False
        self.n_uploads = 0
        self.is_down = False
        self.url = ""
        self.storage_url = ""

    def release(self, tag):
        number = len(self.releases) + 1
        return {
            "id": number,
            "tag_name": tag,
            "upload_url": f"{self.url}/uploads/repos/{REPOSITORY}/releases/{number}/assets{{?name,label}}",
            "assets": [],
        }


class _Handler(BaseHTTPRequestHandler):
    github: GitHub

    def do_GET(self):
        if not self._is_allowed():
            return
        path = urlparse(self.path).path
        if match := re.fullmatch(rf"/repos/{REPOSITORY}/releases/tags/([^/]+)", path):
            release = self.github.releases.get(unquote(match[1]))
            self._say(404 if release is None else 200, release or {"message": "Not Found"})
        elif match := re.fullmatch(rf"/repos/{REPOSITORY}/releases/assets/(\d+)", path):
            self.send_response(302)
            self.send_header("Location", f"{self.github.storage_url}/{match[1]}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._say(404, {"message": "Not Found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_allowed():
            return
        url = urlparse(self.path)
        if url.path == f"/repos/{REPOSITORY}/releases":
            asked = json.loads(body)
            release = self.github.release(asked["tag_name"]) | {"name": asked["name"], "body": asked["body"]}
            self.github.releases[asked["tag_name"]] = release
            self._say(201, release)
        elif match := re.fullmatch(rf"/uploads/repos/{REPOSITORY}/releases/(\d+)/assets", url.path):
            self._upload(int(match[1]), parse_qs(url.query)["name"][0], body)
        else:
            self._say(404, {"message": "Not Found"})

    def _upload(self, number, name, body):
        (release,) = [release for release in self.github.releases.values() if release["id"] == number]
        if any(asset["name"] == name for asset in release["assets"]):
            self._say(422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]})
            return
        asset = {"id": len(self.github.files) + 1, "name": name, "state": "uploaded", "size": len(body)}
        self.github.files[asset["id"]] = body
        self.github.n_uploads += 1
        release["assets"].append(asset)
        self._say(201, asset)

    def _is_allowed(self):
        if self.github.is_down:
            self._say(503, {"message": "Service Unavailable"})
            return False
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._say(401, {"message": "Bad credentials"})
            return False
        return True

    def _say(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class _Storage(BaseHTTPRequestHandler):
    github: GitHub

    def do_GET(self):
        self.github.storage_saw_token |= self.headers["Authorization"] is not None
        data = self.github.files[int(self.path.strip("/"))]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@contextmanager
def running_github() -> Iterator[GitHub]:
    """The server within the block."""
    github = GitHub()
    kinds = [type(kind.__name__, (kind,), {"github": github}) for kind in (_Handler, _Storage)]
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), kind) for kind in kinds]
    github.url, github.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield github
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
