"""Lets an interpreter that is embedded in another program, such as a web server, use this environment:

    path = ".venv/bin/activate_this.py"
    exec(open(path).read(), {"__file__": path})

It has to be of the same version as the environment's own.
"""

import os
import site
import sys

_bin = os.path.dirname(os.path.abspath(__file__))
_prefix = os.path.dirname(_bin)
_before = len(sys.path)

os.environ["PATH"] = os.pathsep.join([_bin] + [part for part in [os.environ.get("PATH")] if part])
os.environ["VIRTUAL_ENV"] = _prefix
os.environ["VIRTUAL_ENV_PROMPT"] = @PROMPT@

site.addsitedir(os.path.join(_prefix, "lib", "python%d.%d" % sys.version_info[:2], "site-packages"))
# What was added comes first.
sys.path[:] = sys.path[_before:] + sys.path[:_before]
sys.prefix = sys.exec_prefix = _prefix
