#!/usr/bin/env python3
"""A made-up back end of many modules, for measuring `pyfast check`: modules.py DIRECTORY [COUNT].

Every module has about 265 lines (7.5 kB) of what back ends are made of, and imports five others, without a cycle; all
are reached from `app/main.py`. The same count makes the same files.
"""

import random
import sys
from pathlib import Path

PACKAGES = 20

HEAD = '''"""Module {number} of a made-up back end."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Iterable, Optional

{imports}

logger = logging.getLogger(__name__)
LIMIT_{number} = {limit}
'''

PART = '''

@dataclasses.dataclass(frozen=True)
class {name}Entry{number}:
    """What one {name} entry is."""

    identifier: int
    title: str = "{name}"
    created: datetime = dataclasses.field(default_factory=datetime.now)
    labels: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def age(self) -> timedelta:
        return datetime.now() - self.created

    def describe(self, *, verbose: bool = False) -> str:
        words = [f"{{self.title}}#{{self.identifier}}", *sorted(self.labels)]
        if verbose and self.age > timedelta(days={days}):
            words.extend(f"{{key}}={{','.join(values)}}" for key, values in self.labels.items() if values)
        return " ".join(word for word in words if word)


def {lower}_totals_{number}(entries: Iterable[{name}Entry{number}], limit: int = LIMIT_{number}) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for index, entry in enumerate(entries):
        if index >= limit:
            logger.warning("more than %d entries, the others are left out", limit)
            break
        try:
            totals[entry.title] += len(entry.labels) * {days} + index % 7
        except (KeyError, ValueError) as error:
            logger.error("entry %s: %s", entry.identifier, error)
            continue
        finally:
            totals["seen"] += 1
    return dict(totals)


async def fetch_{lower}_{number}(client: Any, path: str, tries: int = 3) -> Optional[dict[str, Any]]:
    for attempt in range(tries):
        async with client.get(f"/{lower}/{{path}}?try={{attempt}}") as answer:
            if answer.status == 200:
                return json.loads(await answer.text())
            if answer.status in {{404, 410}}:
                return None
    raise RuntimeError(f"{{path}}: no answer after {{tries}} tries")
'''

NAMES = ["Order", "Trade", "Quote", "Account", "Report"]


def module(number, others, chosen):
    imports = "\n".join(
        f"from app.part{other % PACKAGES}.module{other} import LIMIT_{other}" for other in others
    )
    text = HEAD.format(number=number, imports=imports, limit=chosen.randint(10, 10_000))
    for name in NAMES:
        text += PART.format(number=number, name=name, lower=name.lower(), days=chosen.randint(1, 90))
    return text


def main():
    directory, count = Path(sys.argv[1]), int((sys.argv[2:] or ["1000"])[0])
    chosen = random.Random(count)
    for part in range(PACKAGES):
        package = directory / "app" / f"part{part}"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
    (directory / "app" / "__init__.py").write_text("")
    for number in range(count):
        others = sorted(chosen.sample(range(number), min(5, number)))
        path = directory / "app" / f"part{number % PACKAGES}" / f"module{number}.py"
        path.write_text(module(number, others, chosen))
    reached = "\n".join(
        f"import app.part{number % PACKAGES}.module{number}" for number in range(count)
    )
    (directory / "app" / "main.py").write_text(reached + "\n")


main()
