"""Resolves each set of `sets/`, and of `sources/`, whose packages need source distributions, with pyfast and with uv, and prints a Markdown table.

    python3 benches/real-sets/compare.py PYFAST UV [SET...]

Each tool has a cache and a home of its own, empty for the first run of a set ("cold") and full for the three that
follow ("warm", the median). A set whose versions differ is printed with the differences below the table.
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
LIMIT = 180


def run(words, home):
    """Seconds, the exit code, and what was printed."""
    keep = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "LANG")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env |= {"HOME": str(home), "XDG_CACHE_HOME": f"{home}/cache", "XDG_DATA_HOME": f"{home}/data"}
    begun = time.perf_counter()
    try:
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return LIMIT, None, "", f"not done after {LIMIT} s"
    return time.perf_counter() - begun, done.returncode, done.stdout, done.stderr


def pins(text):
    """Name and version of each pinned line."""
    lines = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", text, re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in lines}


def measure(words, printed):
    """Cold and warm seconds, the pins, and the end of the message where there are none."""
    with tempfile.TemporaryDirectory() as home:
        cold, code, out, err = run(words, home)
        if code != 0:
            return cold, None, None, err.strip().splitlines()[-1:] or ["?"]
        warm = statistics.median(run(words, home)[0] for _ in range(3))
        return cold, warm, pins(printed(out)), None


def compare(pyfast, uv, python, file):
    with tempfile.TemporaryDirectory() as place:
        ours = [pyfast, "lock", "--project", place, "-r", file, "--python", python, "--format", "requirements",
                "-o", f"{place}/out.txt", "--upgrade", "-q"]
        theirs = [uv, "pip", "compile", file, "--python", python, "--no-header", "--no-annotate", "-q"]
        return (measure(ours, lambda _: pathlib.Path(place, "out.txt").read_text()), measure(theirs, str))


def seconds(value):
    return "–" if value is None else f"{value:.2f}"


def verdict(ours, theirs):
    if ours is None and theirs is None:
        return "both refuse", []
    if ours is None or theirs is None:
        return ("only uv resolves" if ours is None else "only pyfast resolves"), []
    names = sorted(ours.keys() | theirs.keys())
    differing = [f"{name}: {ours.get(name, 'absent')}, uv {theirs.get(name, 'absent')}"
                 for name in names if ours.get(name) != theirs.get(name)]
    return ("the same" if not differing else f"{len(differing)} differ"), differing


def main():
    pyfast, uv, *chosen = sys.argv[1:]
    python = subprocess.run(
        [sys.executable, "-c", "import sys; print(getattr(sys, '_base_executable', sys.executable))"],
        capture_output=True, text=True, check=True).stdout.strip()
    print("| set | packages | versions | cold: pyfast, uv (s) | warm: pyfast, uv (s) |\n|---|---:|---|---:|---:|")
    notes = []
    for file in sorted(HERE.glob("s*/*.txt")):
        if chosen and file.stem not in chosen:
            continue
        (cold, warm, ours, error), (uv_cold, uv_warm, theirs, uv_error) = compare(pyfast, uv, python, str(file))
        word, differing = verdict(ours, theirs)
        count = len(ours if ours is not None else theirs or {})
        print(f"| {file.stem} | {count} | {word} | {seconds(cold)}, {seconds(uv_cold)} "
              f"| {seconds(warm)}, {seconds(uv_warm)} |", flush=True)
        notes += [f"- {file.stem}: {line}" for line in differing]
        notes += [f"- {file.stem}: pyfast says {line}" for line in error or []]
        notes += [f"- {file.stem}: uv says {line}" for line in uv_error or []]
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
