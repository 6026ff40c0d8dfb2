"""Calls one hook of a build backend (PEP 517, PEP 660): request and answer are JSON files."""

import importlib
import json
import os
import sys


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
