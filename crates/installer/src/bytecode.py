# Compiles modules on request, until its standard input ends. It neither reads nor writes files: others may
# write where the modules are. Modules come in jobs: a line with the number of them, and then requests. A request
# is a line with two decimal lengths, then a path of so many bytes, by which the code will be known, and a source
# of so many. The answer is a line with a decimal length, then a .pyc file of so many bytes; of none for what
# cannot be compiled. Or "error <what>".
# Each job is a child's: what bytecode is like depends on what the same process has compiled before (which objects
# are shared, CPython issue 129724), so that nothing may be before.
# Its argument is the flags of the bytecode. Runs with -I -S: nothing of any environment is imported.
import _frozen_importlib_external as external
import _imp
import marshal
import os
import sys
import warnings


def compile_one(path, source, flags):
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        body = marshal.dumps(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        # Templates and code for other versions of Python; whoever imports it gets the error.
        return b""
    # Named by a hash (PEP 552), so that times do not matter.
    digest = _imp.source_hash(external._RAW_MAGIC_NUMBER, source)
    return external.MAGIC_NUMBER + flags.to_bytes(4, "little") + digest + body


def serve(count, flags):
    requests = open(0, "rb", closefd=False)
    answers = open(1, "wb", closefd=False)
    for _ in range(count):
        line = requests.readline()
        path, source = [requests.read(int(length)) for length in line.split()]
        try:
            compiled = compile_one(os.fsdecode(path), source, flags)
            answers.write(b"%d\n" % len(compiled))
            answers.write(compiled)
        except Exception as error:
            answer = "error %s: %s\n" % (type(error).__name__, " ".join(str(error).split()))
            answers.write(answer.encode("utf-8", "backslashreplace"))
        answers.flush()


def main():
    warnings.simplefilter("ignore")
    flags = int(sys.argv[1])
    # No byte more than the line is read: what comes behind it is the child's.
    head = b""
    while True:
        byte = os.read(0, 1)
        if not byte:
            return
        if byte != b"\n":
            head += byte
            continue
        child = os.fork()
        if child == 0:
            status = 1
            try:
                serve(int(head), flags)
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1] != 0:
            # Nobody knows where the next job would begin.
            os._exit(1)
        head = b""


main()
