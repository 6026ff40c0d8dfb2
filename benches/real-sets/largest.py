"""Times and weighs resolving beside uv: the seed's set and the largest of `sets/`.

    python3 benches/real-sets/largest.py PYFAST UV [--runs N] [FILE...]

The tools run in turn. "cold" begins with an empty cache, "warm" with a full one that is asked whether it is still true,
"offline" with a full one that is believed. `--universal` resolves for all platforms. Memory is the peak of the largest
single process. Prints a Markdown table of medians.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SETS = [HERE / "../../tests/data/seed-requirements.txt", HERE / "sets/data-airflow-lite.txt"]
OLDEST = "3.11"


def run(words, home):
    """Seconds and megabytes; the words of a run that failed end the program."""
    keep = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "LANG")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env |= {"HOME": home, "XDG_CACHE_HOME": f"{home}/cache", "XDG_DATA_HOME": f"{home}/data"}
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        child = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        took = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            sys.exit(f"{' '.join(words)}\n{said.read().decode(errors='replace')}")
    return took, usage.ru_maxrss / 1024


def tools(arguments, file, place):
    """The words of each tool."""
    ours = [arguments.pyfast, "lock", "--project", place, "-r", file, "--python", arguments.python, "--format",
            "requirements", "-o", f"{place}/out.txt", "--upgrade", "-q"]
    theirs = [arguments.uv, "pip", "compile", file, "--python", arguments.python, "-q", "-o", f"{place}/uv.txt", "--upgrade"]
    if arguments.universal:
        ours += ["--universal", "--python-version", OLDEST]
        theirs += ["--universal", "--python-version", OLDEST]
    return {"pyfast": ours, "uv": theirs}


def measure(arguments, file, scenario):
    """Runs of each tool, in turn."""
    runs = {"pyfast": [], "uv": []}
    with tempfile.TemporaryDirectory() as place:
        for number in range(arguments.runs + (scenario != "cold")):
            for tool, words in tools(arguments, str(file), place).items():
                home = f"{place}/{tool}"
                if scenario == "cold":
                    shutil.rmtree(home, ignore_errors=True)
                os.makedirs(home, exist_ok=True)
                # The first run fills the cache.
                offline = ["--offline"] if scenario == "offline" and number > 0 else []
                one = run(words + offline, home)
                if scenario == "cold" or number > 0:
                    runs[tool].append(one)
    return runs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pyfast")
    parser.add_argument("uv")
    parser.add_argument("files", nargs="*", type=pathlib.Path, default=SETS)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--universal", action="store_true")
    parser.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable))
    parser.add_argument("--scenarios", nargs="+", default=["cold", "warm", "offline"])
    arguments = parser.parse_args()
    print("| set | scenario | pyfast | uv | × uv | memory: pyfast | uv |\n|---|---|---:|---:|---:|---:|---:|")
    for file in arguments.files:
        for scenario in arguments.scenarios:
            runs = measure(arguments, file.resolve(), scenario)
            (ours, our_peak), (theirs, their_peak) = (
                [statistics.median(part) for part in zip(*runs[tool])] for tool in ("pyfast", "uv"))
            print(f"| {file.stem} | {scenario} | {ours * 1000:.0f} ms | {theirs * 1000:.0f} ms | {ours / theirs:.2f} "
                  f"| {our_peak:.0f} MB | {their_peak:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
