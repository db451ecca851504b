"""Many threads confirming drafts at the same moment; also run as a process of its own, beside another one.

python -m tests.payouts_storm DATABASE_URL   reads drafts from standard input, prints what each came to
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from threading import Barrier, Thread

from core import people
from core.errors import DeskError
from core.payouts import withdrawals
from core.storage import Database, make_engine
from tests.payouts_world import CONFIG, NOW


def at_once(work: Sequence[Callable[[], str]]) -> list[str]:
    """Start all of it at the same moment; what each gave, or the text of its refusal or failure."""
    barrier = Barrier(len(work))
    found = [""] * len(work)

    def run(place: int) -> None:
        barrier.wait()
        try:
            found[place] = work[place]()
        except DeskError as refusal:
            found[place] = refusal.text
        except Exception as failure:  # a test that finds this among the answers fails
            found[place] = f"CRASH {failure!r}"

    threads = [Thread(target=run, args=(place,)) for place in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def confirm_all(database: Database, drafts: Sequence[str]) -> list[str]:
    """Confirm Ada's drafts, each in a thread of its own."""

    def confirm(token: str) -> str:
        with database.transaction() as session:
            ada = people.resolve(session, "ada")
            return f"WD-{withdrawals.confirm(session, CONFIG, NOW, ada, token).id}"

    return at_once([lambda token=token: confirm(token) for token in drafts])  # type: ignore[misc]


if __name__ == "__main__":
    engine = make_engine(sys.argv[1])
    sys.stdout.write(json.dumps(confirm_all(Database(engine), json.load(sys.stdin))))
    engine.dispose()
