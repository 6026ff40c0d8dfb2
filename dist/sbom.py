"""Takes the checkout's path out of an SBOM: `sbom.py CHECKOUT FILE...`.

Where it was built is nobody's business, and would make each build another one. URLs may have any character of a path
encoded, so that a text search for the path would find some of them only.
"""
import json
import re
import sys
from urllib.parse import unquote


def spelled(path):
    """A pattern for the path in a URL, whichever characters are encoded there."""
    characters = ["(?:%s|%s)" % (re.escape(one), "".join("%%%02X" % byte for byte in one.encode())) for one in path]
    return re.compile("file://" + "".join(characters) + r"(?![^/#?&%])", re.IGNORECASE)


def changed(value, pattern):
    if isinstance(value, dict):
        return {key: changed(inner, pattern) for key, inner in value.items()}
    if isinstance(value, list):
        return [changed(inner, pattern) for inner in value]
    return pattern.sub("file:///pyfast", value) if isinstance(value, str) else value


def main(checkout, *files):
    pattern = spelled(checkout)
    for name in files:
        with open(name, encoding="utf-8") as file:
            text = json.dumps(changed(json.load(file), pattern), indent=2, ensure_ascii=False) + "\n"
        for url in re.findall(r'file:///[^"\\]*', unquote(text)):
            if not re.match(r"file:///pyfast(?:[/#?&]|$)", url):
                sys.exit("%s names a path of this machine: %s" % (name, url))
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)


main(*sys.argv[1:])
