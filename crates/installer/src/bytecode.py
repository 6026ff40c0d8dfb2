# Compiles modules on request, until its standard input ends. It neither reads nor writes files: others may
# write where the modules are. A request is a line with two decimal lengths, then a path of so many bytes,
# by which the code will be known, and a source of so many. The answer is a line with a decimal length,
# then a .pyc file of so many bytes; of none for what cannot be compiled. Or "error <what>".
# Its argument is the flags of the bytecode. Runs with -I -S: nothing of any environment is imported.
import _frozen_importlib_external as external
import _imp
import marshal
import os
import sys


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


def main():
    import warnings

    warnings.simplefilter("ignore")
    requests = sys.stdin.buffer
    answers = sys.stdout.buffer
    flags = int(sys.argv[1])
    while True:
        line = requests.readline()
        if not line:
            return
        path, source = [requests.read(int(length)) for length in line.split()]
        try:
            compiled = compile_one(os.fsdecode(path), source, flags)
            answers.write(b"%d\n" % len(compiled))
            answers.write(compiled)
        except Exception as error:
            answer = "error %s: %s\n" % (type(error).__name__, " ".join(str(error).split()))
            answers.write(answer.encode("utf-8", "backslashreplace"))
        answers.flush()


main()
