"""What docker/cross.sh asks of a program on the machine that it was built for: an environment out of an index on the
loopback, what runs in it, and what is said when something of it was altered.

    cross-try.py [DIRECTORY]     the directory of answer-MACHINE.so, a library for each machine; else that of this file

`pyfast` is the one on PATH. Works on any Linux, with the standard library alone."""

import base64
import functools
import hashlib
import http.server
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

MACHINE = platform.machine()
OTHER = {"aarch64": "x86_64", "x86_64": "aarch64"}[MACHINE]
LIBRARIES = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))


def wheel(directory, name, tag, files, requires=()):
    path = directory / f"{name}-1.0-{tag}.whl"
    facts = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {one}\n" for one in requires)
    pure = "true" if tag.endswith("any") else "false"
    files = {
        **files,
        f"{facts}/METADATA": metadata,
        f"{facts}/WHEEL": f"Wheel-Version: 1.0\nGenerator: cross-try\nRoot-Is-Purelib: {pure}\nTag: {tag}\n",
    }
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            content = content if isinstance(content, bytes) else content.encode()
            archive.writestr(member, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{member},sha256={digest},{len(content)}")
        archive.writestr(f"{facts}/RECORD", "\n".join([*record, f"{facts}/RECORD,,", ""]))
    return path


def index(place):
    """Two projects: one in Python, which needs the other, which has a wheel for each machine."""
    plain = place / "plain"
    tuned = place / "tuned"
    for directory in (plain, tuned):
        directory.mkdir(parents=True)
    entry = {"plain.py": "import tuned\n\ndef main():\n    print('plain', tuned.answer())\n"}
    entry["plain-1.0.dist-info/entry_points.txt"] = "[console_scripts]\nplain = plain:main\n"
    wheel(plain, "plain", "py3-none-any", entry, ["tuned", f"absent; platform_machine != '{MACHINE}'"])
    for machine in (MACHINE, OTHER):
        code = (
            "import ctypes, os\n"
            f"machine = '{machine}'\n"
            "answer = ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'answer.so')).answer\n"
        )
        library = (LIBRARIES / f"answer-{machine}.so").read_bytes()
        wheel(tuned, "tuned", f"py3-none-manylinux_2_17_{machine}", {"tuned/__init__.py": code, "tuned/answer.so": library})
    handler = functools.partial(Quiet, directory=place)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def check(truth, *what):
    if not truth:
        sys.exit("cross-try: " + "\n".join(str(one) for one in what))


class Program:
    def __init__(self, home, index):
        self.home = home
        self.work = home / "work"
        self.work.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "PYFAST_INDEX_URL": index}

    def __call__(self, *arguments, fails=False):
        begun = time.monotonic()
        done = subprocess.run(
            ["pyfast", *arguments], cwd=self.work, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        print(f"{time.monotonic() - begun:6.1f} s  pyfast {' '.join(arguments)}", flush=True)
        said = f"{done.stdout}\n{done.stderr}"
        check((done.returncode != 0) == fails, f"`pyfast {' '.join(arguments)}` ended with {done.returncode}:", said)
        return done.stdout, said


def main():
    print(f"{MACHINE}, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        pyfast = Program(place, index(place / "simple"))
        check(pyfast("--version")[0].startswith("pyfast "), "it does not say its version")

        (pyfast.work / "requirements.txt").write_text("plain\n")
        pyfast("lock", "-r", "requirements.txt", "-o", "pylock.toml")
        made = json.loads(pyfast("sync", "-r", "requirements.txt", "--compile", "--json")[0])
        lock = (pyfast.work / "pylock.toml").read_text()
        check(f"manylinux_2_17_{MACHINE}.whl" in lock, "the lock names no wheel of this machine:", lock)

        said, _ = pyfast("run", "--", "python", "-c", "import tuned; print(tuned.machine, tuned.answer(), tuned.__cached__)")
        machine, answer, cached = said.split()
        check((machine, answer) == (MACHINE, "42"), "another wheel was installed:", said)
        check(os.path.exists(cached), "nothing was compiled:", cached)
        check(pyfast("run", "--", "plain")[0] == "plain 42\n", "the script of a wheel does not run")

        again = json.loads(pyfast("sync", "-r", "requirements.txt", "--compile", "--json")[0])
        check(again["changed"] is False, "a second sync made another environment:", made, again)
        pyfast("verify")
        # What finds nothing has to find something where there is something.
        source = pathlib.Path(cached).parent.parent / "__init__.py"
        real = os.path.realpath(source)
        os.chmod(real, 0o644)
        with open(real, "a", encoding="utf-8") as file:
            file.write("# altered\n")
        _, said = pyfast("verify", fails=True)
        check("__init__.py" in said, "the altered file is not named:", said)

        findings = {one["check"]: one for one in json.loads(pyfast("doctor", "--json")[0])["checks"]}
        check(all(one["status"] != "fail" for one in findings.values()), "the doctor finds:", findings)
        told = findings["interpreter"]
        check(told["status"] == "ok" and platform.python_version() in told["message"], "it knows another interpreter:", told)


main()
