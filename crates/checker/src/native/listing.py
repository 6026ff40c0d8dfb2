# What the loader of this image would find: libraries by name, with the versions that they define. Runs in the image's own
# interpreter, any Python from 3.6 on, and prints one object of JSON.
import glob, json, os, re, struct, sys

MOST = 12000
INSTALLERS = ("apk", "/sbin/apk"), ("apk", "/usr/bin/apk"), ("apt", "/usr/bin/apt-get")


def facts(path):
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:4] != b"\x7fELF" or len(head) < 52:
            return None
        wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
        machine = struct.unpack(order + "H", head[18:20])[0]
        if wide:
            start = struct.unpack(order + "Q", head[32:40])[0]
            size, count = struct.unpack(order + "HH", head[54:58])
        else:
            start = struct.unpack(order + "I", head[28:32])[0]
            size, count = struct.unpack(order + "HH", head[42:46])
        file.seek(start)
        table = file.read(size * min(count, 256))
        loads, dynamic = [], None
        for at in range(0, len(table) - size + 1, size):
            if wide:
                kind, _, offset, address, _, length = struct.unpack_from(order + "IIQQQQ", table, at)
            else:
                kind, offset, address, _, length = struct.unpack_from(order + "IIIII", table, at)
            if kind == 1:
                loads.append((address, offset, length))
            elif kind == 2:
                dynamic = offset, length

        def place(address):
            for begin, offset, length in loads:
                if begin <= address < begin + length:
                    return offset + address - begin
            raise ValueError

        names, versions = set(), set()
        entries = {}
        if dynamic:
            file.seek(dynamic[0])
            table = file.read(min(dynamic[1], 1 << 16))
            step = 16 if wide else 8
            for at in range(0, len(table) - step + 1, step):
                tag, value = struct.unpack_from(order + ("qQ" if wide else "iI"), table, at)
                if tag == 0:
                    break
                entries[tag] = value

        def text(at):
            file.seek(place(entries[5]) + at)
            return file.read(512).split(b"\0")[0].decode("ascii", "replace")

        if 14 in entries:
            names.add(text(entries[14]))
        if 0x6FFFFFFC in entries:
            at = place(entries[0x6FFFFFFC])
            for _ in range(min(entries.get(0x6FFFFFFD, 0), 1024)):
                file.seek(at)
                _, _, _, _, _, first, following = struct.unpack(order + "HHHHIII", file.read(20))
                file.seek(at + first)
                versions.add(text(struct.unpack(order + "II", file.read(8))[0]))
                if not following:
                    break
                at += following
        return machine, 64 if wide else 32, names, versions


def configured(path, depth=0):
    try:
        with open(path, errors="replace") as file:
            lines = file.read(1 << 16).splitlines()
    except OSError:
        return
    for line in lines:
        line = line.split("#")[0].strip()
        if line.startswith("include ") and depth < 4:
            for pattern in line.split()[1:]:
                for inner in sorted(glob.glob(os.path.join("/etc", pattern)))[:64]:
                    yield from configured(inner, depth + 1)
        elif line.startswith("/"):
            yield line


def directories():
    yield from configured("/etc/ld.so.conf")
    for base in "/lib", "/usr/lib", "/usr/local/lib", "/lib64", "/usr/lib64", "/usr/local/lib64":
        yield base
        yield from filter(os.path.isdir, glob.glob(base + "/*-linux-*"))
    for path in glob.glob("/etc/ld-musl-*.path"):
        with open(path, errors="replace") as file:
            yield from re.split("[:\n]", file.read(1 << 16))
    for path in os.path.realpath(sys.executable), sys.executable:
        yield os.path.normpath(os.path.join(os.path.dirname(path), "../lib"))
    yield os.path.join(sys.base_prefix, "lib")
    yield from os.environ.get("LD_LIBRARY_PATH", "").split(":")


def files(places):
    for place in places:
        for inner in [place] + glob.glob(place + "/glibc-hwcaps/*"):
            try:
                names = sorted(os.listdir(inner))
            except OSError:
                continue
            for name in names:
                if name.endswith(".so") or ".so." in name:
                    yield os.path.join(inner, name)
    for path, pattern in ("/etc/ld.so.cache", rb"/[^\0]+\.so[^\0]*"), ("/proc/self/maps", rb"/[^\n]+\.so[^\n]*"):
        try:
            with open(path, "rb") as file:
                found = set(re.findall(pattern, file.read(1 << 22)))
        except OSError:
            continue
        for name in sorted(found):
            yield os.fsdecode(name)


def listing():
    own = facts(sys.executable)
    # What Python's own modules have loaded, from wherever they know it, is there for others by its name.
    for name in "bz2", "ctypes", "curses", "lzma", "sqlite3", "ssl", "zlib":
        try:
            __import__(name)
        except Exception:
            continue
    places = []
    for place in directories():
        if place.startswith("/") and place not in places:
            places.append(place)
    libraries, known, whole = {}, {}, True
    for count, path in enumerate(files(places)):
        if count > MOST:
            whole = False
            break
        try:
            real = os.path.realpath(path)
            if real not in known:
                known[real] = facts(real) if os.path.isfile(real) else None
            found = known[real]
        except (OSError, ValueError, KeyError, IndexError, struct.error):
            # Whatever it is, the loader may know better.
            found = own[0], own[1], set(), set()
        if found and found[:2] == own[:2]:
            for name in found[2] | {os.path.basename(path)}:
                libraries.setdefault(name, set()).update(found[3])
    return {
        "machine": own[0],
        "bits": own[1],
        "musl": bool(glob.glob("/lib/ld-musl-*")) and "libc.so.6" not in libraries,
        "installer": next((name for name, path in INSTALLERS if os.path.exists(path)), None),
        "whole": whole,
        "directories": places,
        "libraries": {name: sorted(versions) for name, versions in sorted(libraries.items())},
    }


print(json.dumps(listing()))
