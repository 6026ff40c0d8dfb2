"""Calls one hook of a build backend (PEP 517, PEP 660): request and answer are JSON files."""

import importlib
import json
import os
import signal
import sys


def end_with_caller():
    """Has whatever this process starts end with the caller, however that ends: a watcher reads a pipe that the caller
    holds, and an end without a word is the caller's. In a session of its own it is ended by nobody's terminal, and no
    child of the backend's process, which may wait for all of its own."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.setsid()
    child = os.fork()
    if child:
        os.close(pipe)
        os.waitpid(child, 0)
        return
    if os.fork() == 0 and not os.read(pipe, 1):
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def backend_of(request):
    sys.path[:0] = request["backend_path"]
    name, _, attributes = request["backend"].partition(":")
    backend = importlib.import_module(name)
    if request["backend_path"]:
        file = os.path.realpath(getattr(backend, "__file__", None) or "")
        roots = [os.path.realpath(path) for path in request["backend_path"]]
        if not any(os.path.commonpath([file, root]) == root for root in roots):
            sys.exit("the backend `%s` is not in its backend-path" % name)
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    return backend


def main():
    end_with_caller()
    # setuptools leaves its own arguments in sys.argv.
    ask, reply = sys.argv[1:3]
    with open(ask, encoding="utf-8") as file:
        request = json.load(file)
    hook = getattr(backend_of(request), request["hook"], None)
    if hook is None:
        answer = {"missing": True}
    else:
        answer = {"value": hook(*request["arguments"])}
    with open(reply, "w", encoding="utf-8") as file:
        json.dump(answer, file)


main()
