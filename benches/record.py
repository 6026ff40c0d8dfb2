"""Records what a resolution of requirements asks an index for, so that it can be solved again without any index.

    python benches/record.py PYFAST INDEX_URL REQUIREMENTS > tests/data/seed-index.json.gz

INDEX_URL is a Simple API with JSON pages. Of a page the names of its newest wheels for this platform are kept, with what
decides whether they may be used; of a wheel's METADATA the fields that a resolution reads. No address, no digest.
"""

import gzip
import http.server
import io
import json
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
import zipfile

KEPT = ("Name:", "Version:", "Requires-Dist:", "Requires-Python:", "Provides-Extra:")
# So many wheels of a page at most, the newest: enough for any search of these requirements.
MOST = 120
JSON = "application/vnd.pypi.simple.v1+json"


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    index = ""
    pages: dict = {}
    addresses: dict = {}
    lock = threading.Lock()

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        try:
            if parts[0] == "simple":
                kind, body = JSON, self.page(parts[1])
            else:
                kind, body = "text/plain", self.metadata(parts[1], parts[2])
        except urllib.error.HTTPError as error:
            return self.answer(error.code, "text/plain", b"")
        return self.answer(200, kind, body)

    def page(self, name):
        request = urllib.request.Request(f"{self.index.rstrip('/')}/{name}/", headers={"Accept": JSON})
        with urllib.request.urlopen(request) as answer:
            page = json.load(answer)
        kept, files = [], []
        for file in sorted(page["files"], key=lambda file: file.get("upload-time") or ""):
            filename = file["filename"]
            if not filename.endswith(("-any.whl", "linux_x86_64.whl", "_x86_64.whl")) or "macosx" in filename:
                continue
            kept.append([filename, file.get("requires-python"), bool(file.get("yanked"))])
            with self.lock:
                self.addresses[filename] = urllib.parse.urljoin(request.full_url, file["url"])
            files.append({**file, "url": f"/files/{name}/{filename}", "core-metadata": True})
        with self.lock:
            self.pages[name] = {"files": kept[-MOST:], "metadata": {}}
        return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files[-MOST:]}).encode()

    def metadata(self, name, path):
        filename = path.removesuffix(".metadata")
        text = self.fetch_metadata(filename).decode()
        head = text.split("\n\n", 1)[0].splitlines()
        lines = [line for line in head if line.startswith(KEPT)]
        with self.lock:
            self.pages[name]["metadata"][filename] = "\n".join(lines) + "\n"
        return text.encode()

    def fetch_metadata(self, filename):
        try:
            with urllib.request.urlopen(self.addresses[filename] + ".metadata") as answer:
                return answer.read()
        except urllib.error.HTTPError:
            with urllib.request.urlopen(self.addresses[filename]) as answer:
                wheel = zipfile.ZipFile(io.BytesIO(answer.read()))
            (name,) = (name for name in wheel.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA"))
            return wheel.read(name)

    def answer(self, code, kind, body):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(pyfast, index, requirements):
    Recorder.index = index
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/simple"
    with tempfile.TemporaryDirectory() as work:
        command = [pyfast, "lock", "-r", requirements, "-o", f"{work}/pylock.toml", "--cache-dir", f"{work}/cache"]
        command += ["--index-url", url, "--python-version", "3.11", "--python-platform", "linux/amd64"]
        subprocess.run(command, check=True, stdout=sys.stderr)
    server.shutdown()
    pages = {name: Recorder.pages[name] for name in sorted(Recorder.pages)}
    lines = [f"{json.dumps(name)}: {json.dumps(page, sort_keys=True)}" for name, page in pages.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    sys.stdout.buffer.write(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
