"""Resolves each set of `sets/` for all platforms with pyfast and with uv, and tells what differs.

    python3 benches/real-sets/universal.py PYFAST UV [SET...]

Both write requirements with markers. What they mean is compared for the environments of `ENVIRONMENTS`: a line counts
where its marker is true. Each tool has a cache of its own that is kept from set to set.
"""

import collections
import pathlib
import sys
import tempfile

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

from compare import HERE, run, seconds

OLDEST = "3.11"
PLATFORMS = {
    "linux": ("posix", "Linux", "linux", "x86_64"),
    "linux/arm64": ("posix", "Linux", "linux", "aarch64"),
    "macos": ("posix", "Darwin", "darwin", "arm64"),
    "windows": ("nt", "Windows", "win32", "AMD64"),
}
PYTHONS = ("3.11.15", "3.12.13", "3.13.14", "3.14.6")


def environments():
    """Marker values by a short name such as `windows 3.12`."""
    for name, (os_name, system, platform, machine) in PLATFORMS.items():
        for python in PYTHONS:
            minor = python.rsplit(".", 1)[0]
            yield f"{name} {minor}", {
                "implementation_name": "cpython", "implementation_version": python, "os_name": os_name,
                "platform_machine": machine, "platform_python_implementation": "CPython", "platform_release": "",
                "platform_system": system, "platform_version": "", "python_full_version": python,
                "python_version": minor, "sys_platform": platform, "extra": ""}


ENVIRONMENTS = dict(environments())


def locked(text):
    """Of each environment, the versions by project; and how many lines there are."""
    joined = text.replace("\\\n", " ")
    lines = [Requirement(line.split(" --hash")[0].split(" #")[0]) for line in joined.splitlines()
             if line and not line.startswith((" ", "#", "-"))]
    meaning = {}
    for name, values in ENVIRONMENTS.items():
        pins = collections.defaultdict(set)
        for line in lines:
            if line.marker is None or line.marker.evaluate(values):
                pins[canonicalize_name(line.name)].add(str(line.specifier) or line.url)
        meaning[name] = {project: " and ".join(sorted(versions)) for project, versions in pins.items()}
    return meaning, len(lines)


def differences(ours, theirs):
    """`project: ours, theirs`, each with the environments in which it is so."""
    found = collections.defaultdict(list)
    for name in ENVIRONMENTS:
        for project in ours[name].keys() | theirs[name].keys():
            pair = ours[name].get(project, "absent"), theirs[name].get(project, "absent")
            if pair[0] != pair[1]:
                found[project, *pair].append(name)
    for (project, one, other), where in sorted(found.items()):
        place = "everywhere" if len(where) == len(ENVIRONMENTS) else ", ".join(where)
        yield f"{project}: {one}, uv {other} ({place})"


def main():
    pyfast, uv, *chosen = sys.argv[1:]
    print("| set | lines: pyfast, uv | meaning | pyfast, uv (s) |\n|---|---:|---|---:|")
    notes = []
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        for file in sorted((HERE / "sets").glob("*.txt")):
            if chosen and file.stem not in chosen:
                continue
            out = pathlib.Path(one, f"{file.stem}.txt")
            took, code, _, said = run([pyfast, "lock", "--project", one, "-r", str(file), "--universal",
                                       "--python-version", OLDEST, "--python", sys.executable, "--format",
                                       "requirements", "-o", str(out), "-q"], one)
            uv_took, uv_code, text, uv_said = run([uv, "pip", "compile", str(file), "--universal", "--python-version",
                                                   OLDEST, "--no-header", "--no-annotate", "-q"], other)
            if code == 0 == uv_code:
                (ours, count), (theirs, uv_count) = locked(out.read_text()), locked(text)
                differing = list(differences(ours, theirs))
                verdict = "the same" if not differing else f"{len(differing)} differ"
                notes += [f"- {file.stem}: {line}" for line in differing]
            else:
                count, uv_count, verdict = "–", "–", f"exit codes {code}, {uv_code}"
                notes += [f"- {file.stem}: {who}: {line}" for who, words in (("pyfast", said), ("uv", uv_said))
                          for line in words.strip().splitlines()[:6]]
            print(f"| {file.stem} | {count}, {uv_count} | {verdict} | {seconds(took)}, {seconds(uv_took)} |", flush=True)
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
