# Compiles modules on request, until its standard input ends. A request is a decimal length and a newline,
# then that many bytes: paths separated by NUL. The answer is one line: "ok <compiled> <skipped>" or
# "error <what>". Runs with -I -S: nothing of any environment is imported.
import _frozen_importlib_external as external
import _imp
import marshal
import os
import sys


def pyc_of(path):
    head, tail = os.path.split(path)
    name = "%s.%s.pyc" % (tail[:-3], sys.implementation.cache_tag)
    return os.path.join(head, "__pycache__", name)


def compile_one(path):
    target = pyc_of(path)
    if os.path.exists(target):
        return True
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        body = marshal.dumps(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        # Templates and code for other versions of Python; whoever imports it gets the error.
        return False
    # Flags 1: named by a hash that is not checked, so that times do not matter.
    digest = _imp.source_hash(external._RAW_MAGIC_NUMBER, source)
    head = external.MAGIC_NUMBER + (1).to_bytes(4, "little") + digest
    temporary = "%s.%d.tmp" % (target, os.getpid())
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o444)
    try:
        with open(descriptor, "wb") as file:
            file.write(head + body)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    return True


def main():
    import warnings

    warnings.simplefilter("ignore")
    os.umask(0o022)
    requests = sys.stdin.buffer
    answers = sys.stdout.buffer
    while True:
        line = requests.readline()
        if not line:
            return
        data = requests.read(int(line))
        compiled = skipped = 0
        try:
            for path in data.split(b"\0"):
                if compile_one(os.fsdecode(path)):
                    compiled += 1
                else:
                    skipped += 1
            answer = "ok %d %d\n" % (compiled, skipped)
        except Exception as error:
            answer = "error %s: %s\n" % (type(error).__name__, " ".join(str(error).split()))
        answers.write(answer.encode("utf-8", "backslashreplace"))
        answers.flush()


main()
