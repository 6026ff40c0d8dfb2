# Describes the interpreter that runs it: one line of JSON after a mark. Needs nothing but built-in
# modules and os, because slim installations have little more; and must parse as Python 2 and 3, so that
# an interpreter that is too old gets a clear answer. Runs without the module `site`, which would read and
# execute what `.pth` files of whoever installed something say.
import os
import sys


def text(value):
    """A value as JSON, in ASCII."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, dict):
        return "{" + ",".join(text(k) + ":" + text(v) for k, v in sorted(value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(text(item) for item in value) + "]"
    if isinstance(value, int):
        return str(value)
    out = []
    for char in value:
        code = ord(char)
        if 32 <= code < 127 and char not in '"\\':
            out.append(char)
        elif code < 0x10000:
            out.append("\\u%04x" % code)
        else:
            code -= 0x10000
            out.append("\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF)))
    return '"' + "".join(out) + '"'


def say(value):
    sys.stdout.write("\npyfast-probe:" + text(value) + "\n")
    sys.stdout.flush()


def virtual_environment(executable):
    """Where the virtual environment is that an interpreter belongs to, as PEP 405 says."""
    beside = os.path.dirname(executable)
    for directory in (beside, os.path.dirname(beside)):
        if os.path.isfile(os.path.join(directory, "pyvenv.cfg")):
            return directory
    return None


def base_executable():
    """The interpreter itself, where this one runs in a virtual environment."""
    here = os.path.abspath(sys.executable)
    prefix = virtual_environment(here)
    if prefix is None:
        return here
    base = getattr(sys, "_base_executable", None)
    if base and os.path.abspath(base) != here:
        return os.path.abspath(base)
    homes = [os.path.join(sys.base_prefix, "bin")]
    try:
        with open(os.path.join(prefix, "pyvenv.cfg")) as config:
            for line in config:
                key, _, value = line.partition("=")
                if key.strip().lower() == "home":
                    homes.insert(0, value.strip())
    except OSError:
        pass
    for home in homes:
        for name in (os.path.basename(here), "python%d.%d" % sys.version_info[:2], "python3"):
            candidate = os.path.join(home, name)
            if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):
                return candidate
    return os.path.realpath(here)


def loader(executable):
    """The ELF interpreter that the executable names."""
    with open(executable, "rb") as file:
        head = file.read(64)
        if head[:4] != b"\x7fELF":
            return None
        order = "little" if head[5] == 1 else "big"

        def number(data, at, size):
            return int.from_bytes(data[at : at + size], order)

        wide = head[4] == 2
        offset = number(head, 32, 8) if wide else number(head, 28, 4)
        size, count = number(head, 54 if wide else 42, 2), number(head, 56 if wide else 44, 2)
        file.seek(offset)
        table = file.read(size * count)
        for at in range(0, len(table), size):
            if number(table, at, 4) == 3:
                begin = number(table, at + 8, 8) if wide else number(table, at + 4, 4)
                length = number(table, at + 32, 8) if wide else number(table, at + 16, 4)
                file.seek(begin)
                return file.read(length).rstrip(b"\0").decode("utf-8", "replace")
    return None


def output(program):
    """What a program prints on stderr, without the module subprocess."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(write, 2)
            os.execv(program, [program])
        finally:
            os._exit(127)
    os.close(write)
    data = b""
    while True:
        piece = os.read(read, 4096)
        if not piece:
            break
        data += piece
    os.close(read)
    os.waitpid(child, 0)
    return data.decode("utf-8", "replace")


def two(version):
    parts = version.split(".")
    return [int(part) for part in parts[:2]]


def libc():
    """The C library, with its version."""
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").split()
        if name == "glibc":
            major, minor = two(version.split("-")[0])
            return {"family": "glibc", "major": major, "minor": minor}
    except (AttributeError, ValueError, OSError):
        pass
    try:
        path = loader(os.path.realpath(sys.executable)) or ""
        if "musl" in path:
            for line in output(path).splitlines():
                if line.startswith("Version "):
                    major, minor = two(line.split()[1])
                    return {"family": "musl", "major": major, "minor": minor}
    except (OSError, ValueError):
        pass
    return None


def implementation_version():
    info = sys.implementation.version
    version = "%d.%d.%d" % (info.major, info.minor, info.micro)
    if info.releaselevel != "final":
        version += info.releaselevel[0] + str(info.serial)
    return version


def machine():
    name = os.uname().machine
    if sys.maxsize <= 2**32:
        name = {"x86_64": "i686", "aarch64": "armv7l", "armv8l": "armv7l"}.get(name, name)
    return name


def python_version():
    version = sys.version.split()[0]
    # A build from between two releases ends with a plus, which is no version.
    return version + "local" if version.endswith("+") else version


def describe():
    import _frozen_importlib_external as external
    import _imp

    major, minor = sys.version_info[:2]
    flags = getattr(sys, "abiflags", "")
    suffixes = _imp.extension_suffixes()
    soabi = suffixes[0].strip(".").rsplit(".", 1)[0] if suffixes else ""
    uname = os.uname()
    names = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalVM"}
    name = sys.implementation.name
    threads = "t" if "t" in flags else ""
    return {
        "executable": base_executable(),
        "implementation": name,
        "soabi": soabi if "-" in soabi else None,
        "cache_tag": sys.implementation.cache_tag,
        "magic": int.from_bytes(external.MAGIC_NUMBER, "little"),
        "lib_dir": "lib/%s%d.%d%s" % ("pypy" if name == "pypy" else "python", major, minor, threads),
        "wide": sys.maxsize > 2**32,
        "markers": {
            "implementation_name": name,
            "implementation_version": implementation_version(),
            "os_name": os.name,
            "platform_machine": uname.machine,
            "platform_python_implementation": names.get(name, name),
            "platform_release": uname.release,
            "platform_system": uname.sysname,
            "platform_version": uname.version,
            "python_full_version": python_version(),
            "python_version": "%d.%d" % (major, minor),
            "sys_platform": sys.platform,
        },
        "tags": {
            "implementation": name,
            "python": [major, minor],
            "free_threaded": "t" in flags,
            "debug": "d" in flags or hasattr(sys, "gettotalrefcount"),
            "machine": machine(),
            "libc": libc() if sys.platform.startswith("linux") else None,
            "other_platforms": [],
        },
    }


if sys.version_info < (3, 8):
    say({"too_old": "%d.%d.%d" % sys.version_info[:3]})
else:
    say(describe())
