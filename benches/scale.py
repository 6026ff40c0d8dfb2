"""What many machines on one remote store cost: requests, bytes, time.

    python benches/scale.py PYFAST [--machines 1000] [--services 200] [--syncs 12] [--faults 0.02]

First it is measured: a bucket on the loopback, with the latency, the bandwidth of each machine and the share of faults that
are given (an answer of 503, or a body that breaks off), and an index beside it. A set of wheels of usual sizes is pushed, and
real syncs read it: machines that have nothing, machines that have the set before, machines that have everything. Every
environment is verified. Then these syncs, as requests and bytes, are played by as many machines at once as are asked for,
against one bucket whose bandwidth they share. Nothing leaves this machine, and all of it is removed.
"""

import argparse
import base64
import hashlib
import http.server
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

# Of a usual back end: few large wheels, many small ones, in KiB.
SIZES = [32000, 18000, 12000, 9000, 6000, 4200, 3100, 2400, 1700, 1300, 900, 700, 500, 400, 300, 250, 200]
SIZES += [150, 120, 100, 90, 80, 70, 60, 55, 50, 45, 40, 35, 30, 28, 25, 22, 20, 18, 16, 14, 12, 10, 8]
DIVISOR = 20  # the wheels that are really sent are so much smaller; bytes are multiplied again in what is printed


class Bucket:
    """Objects in memory, and what was asked for."""

    def __init__(self, latency, faults):
        self.objects, self.asked, self.lock = {}, [], threading.Lock()
        self.latency, self.faults, self.random = latency, faults, random.Random(7)

    def served(self):
        with self.lock:
            asked, self.asked = self.asked, []
        return asked


def handler(bucket, index):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, status, body=b"", headers=(), cut=False):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                self.close_connection = True

        def do_GET(self):
            path = self.path.split("?")[0]
            if path in index:
                return self.answer(200, index[path], [("Content-Type", "text/html")])
            time.sleep(bucket.latency)
            with bucket.lock:
                body, fate = bucket.objects.get(path), bucket.random.random()
                wrong = fate < bucket.faults and self.command == "GET"
                cut = wrong and body is not None and fate < bucket.faults / 2
                status = 404 if body is None else 503 if wrong and not cut else 200
                bucket.asked.append((self.command, status, path, len(body or b"") if status == 200 else 0))
            tag = [("ETag", '"%s"' % hashlib.md5(body).hexdigest())] if body is not None else []
            self.answer(status, body if status == 200 else b"", tag, cut)

        do_HEAD = do_GET

        def do_PUT(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(bucket.latency)
            path = self.path.split("?")[0]
            with bucket.lock:
                there = path in bucket.objects and self.headers.get("If-None-Match") == "*"
                if not there:
                    bucket.objects[path] = body
                bucket.asked.append(("PUT", 412 if there else 200, path, len(body)))
            self.answer(412 if there else 200, headers=[("ETag", '"%s"' % hashlib.md5(body).hexdigest())])

    return Handler


def wheel(name, version, size):
    """A wheel of about so many bytes that no compression makes smaller."""
    data = random.Random(name + version).randbytes(size)
    top = name.replace("-", "_")
    info = f"{top}-{version}.dist-info"
    files = {
        f"{top}/__init__.py": f"__version__ = {version!r}\n".encode(),
        f"{top}/data.bin": data,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: scale\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, body in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(body)}")
    files[f"{info}/RECORD"] = ("\n".join(rows) + f"\n{info}/RECORD,,\n").encode()
    path = tempfile.mktemp()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, body in files.items():
            archive.writestr(zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0)), body)
    with open(path, "rb") as file:
        body = file.read()
    os.unlink(path)
    return f"{top}-{version}-py3-none-any.whl", body


def index_of(releases):
    """A simple index of (name, version, size)."""
    pages, links = {}, {}
    for name, version, size in releases:
        file, body = wheel(name, version, size)
        pages[f"/files/{file}"] = body
        digest = hashlib.sha256(body).hexdigest()
        links.setdefault(name, []).append(f'<a href="/files/{file}#sha256={digest}">{file}</a><br>')
    for name, of_it in links.items():
        pages[f"/simple/{name}/"] = ("<!DOCTYPE html><html><body>" + "".join(of_it) + "</body></html>").encode()
    return pages


class Machine:
    """A root, a cache and a home of their own."""

    def __init__(self, room, pyfast, port):
        self.room, self.pyfast, self.port = room, pyfast, port
        os.makedirs(room)

    def run(self, *arguments, index=True):
        words = [self.pyfast, *arguments]
        if not index:
            words += ["--index-url", "http://127.0.0.1:9/simple/"]
        variables = {
            "PATH": os.environ["PATH"], "HOME": self.room, "PYFAST_ROOT": self.room + "/root",
            "PYFAST_CACHE_DIR": self.room + "/cache", "PYFAST_REMOTE": "s3://wheels/team", "PYFAST_NO_COMPILE": "1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ALLOW_HTTP": "true", "AWS_SKIP_SIGNATURE": "true",
            "AWS_REGION": "local", "PYFAST_INDEX_URL": f"http://127.0.0.1:{self.port}/simple/",
        }
        done = subprocess.run(words, env=variables, cwd=self.room, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{words}: {done.stderr}")
        return done.stderr

    def sync(self, lock, *more, **how):
        return self.run("sync", "-r", lock, "--no-compile", *more, **how)


def measured(options, directory):
    """Requests of a machine in each state, from real syncs: {state: (requests, bytes, faults met)}."""
    bucket = Bucket(options.latency / 1000, options.faults)
    names = [f"package-{place:02}" for place in range(len(SIZES))]
    releases = [(name, "1.0", size * 1024 // DIVISOR) for name, size in zip(names, SIZES)]
    releases.append((names[4], "1.1", SIZES[4] * 1024 // DIVISOR))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(bucket, index_of(releases)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    pusher = Machine(directory + "/pusher", options.pyfast, port)
    locks = {}
    bucket.faults = 0
    for state, version in (("before", "1.0"), ("after", "1.1")):
        pins = [f"{name}=={version if name == names[4] else '1.0'}" for name in names]
        with open(f"{directory}/{state}.txt", "w") as file:
            file.write("\n".join(pins) + "\n")
        locks[state] = f"{directory}/pylock.{state}.toml"
        pusher.run("lock", "-r", f"{directory}/{state}.txt", "-o", locks[state])
        pusher.sync(locks[state], "--push")
        pushed = bucket.served()
        print(f"push of the set {state}: {len(pushed)} requests, "
              f"{sum(1 for one in pushed if one[0] == 'PUT' and one[1] == 200)} objects written")
    bucket.faults = options.faults
    results, warned = {}, 0
    for place in range(options.syncs):
        machine = Machine(f"{directory}/machine-{place}", options.pyfast, port)
        for state, lock in (("empty", "before"), ("one wheel changed", "after"), ("nothing to do", "after")):
            # With faults an index has to be there; without any nobody may ask one.
            said = machine.sync(locks[lock], index=options.faults > 0)
            warned += "warning" in said
            asked = bucket.served()
            results.setdefault(state, []).append(asked)
        machine.run("verify")
        shutil.rmtree(machine.room, ignore_errors=True)
    server.shutdown()
    print(f"{options.syncs} machines synced three times each, every environment verified; {warned} syncs warned\n")
    table = {}
    for state, runs in results.items():
        typical = sorted(runs, key=len)[len(runs) // 2]
        table[state] = [size * DIVISOR for _, status, _, size in typical if status == 200] + [
            0 for one in typical if one[1] != 200
        ]
        print(f"{state:20} {len(typical):4} requests {sum(table[state]) / 1e6:9.1f} MB a machine")
    return table


def played(requests, machines, options):
    """Seconds until each of so many machines that begin at once has its objects. A machine has a list, then everything else,
    at most `parallel` at a time; the bucket's bandwidth is shared evenly by those that receive."""
    if not requests:
        return [0.0] * machines
    latency, own, whole = options.latency / 1000, options.machine_mbps * 125000, options.bucket_gbps * 125e6
    # A machine's own bandwidth and its share of the bucket's bound it alike, so its transfers are one.
    waits = latency * (1 + -(-max(len(requests) - 1, 0) // options.parallel))
    total = sum(requests)
    clock, ends, active = 0.0, [], [total] * machines
    while active:
        rate = min(own, whole / len(active))
        soonest = min(active) / rate
        clock += soonest
        rest = [one - rate * soonest for one in active]
        done = sum(1 for one in rest if one <= 1)
        ends += [waits + clock] * done
        active = [one for one in rest if one > 1]
    return ends


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pyfast", type=os.path.abspath)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--changes", type=int, default=20, help="changed sets a day, all services together")
    parser.add_argument("--syncs", type=int, default=6, help="machines that really sync")
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that fail")
    parser.add_argument("--latency", type=float, default=30, help="milliseconds before an answer begins")
    parser.add_argument("--machine-mbps", type=float, default=1000)
    parser.add_argument("--bucket-gbps", type=float, default=25)
    parser.add_argument("--parallel", type=int, default=16)
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="pyfast-scale.")
    try:
        table = measured(options, directory)
    finally:
        subprocess.run(["chmod", "-R", "u+w", directory])
        shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{options.machines} machines at once, one bucket of {options.bucket_gbps:g} Gbit/s, "
          f"{options.machine_mbps:g} Mbit/s each, {options.latency:g} ms:")
    for state, requests in table.items():
        ends = sorted(played(requests, options.machines, options))
        print(f"{state:20} {len(requests) * options.machines:9} requests {sum(requests) * options.machines / 1e9:9.1f} GB; "
              f"half of them done after {ends[len(ends) // 2]:6.1f} s, all after {ends[-1]:6.1f} s")
    on = options.machines / options.services
    changed = table["one wheel changed"]
    print(f"\na day of {options.changes} changed sets, each on the {on:g} machines of its service: "
          f"{options.changes * on * len(changed):.0f} requests, {options.changes * on * sum(changed) / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
