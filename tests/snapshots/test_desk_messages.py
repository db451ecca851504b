"""What the people who run the desk read in reply to their commands."""

from __future__ import annotations

from core import people
from core.chat import dashboard, subscriptions
from core.chat.cards import Card
from core.chat.outbox import Destination
from core.people import Identity
from tests.desk_world import World, jan
from tests.snapshots.conftest import ShownAs


def test_deciding(mockup: World, shown_as: ShownAs) -> None:
    """The queue, a card, and what an approver reads after each decision."""
    shown_as("approvals_empty", mockup.ask("Mira", "/desk approvals"))
    mockup.withdrawal("ada", "600")
    shown_as("approvals", mockup.ask("Mira", "/desk approvals"))
    shown_as("approval", mockup.ask("Mira", "/desk approvals WD-2"))
    shown_as("approved_first", mockup.ask("Mira", "/desk approve WD-2"))
    shown_as("approvals_mine", mockup.ask("Mira", "/desk approvals"))
    mockup.now = jan(14, 10, 6)
    shown_as("approved_last", mockup.ask("Tom", "/desk approve WD-2"))
    shown_as("refused_decided", mockup.ask("Olga", "/desk reject WD-2 too late for that now"))
    shown_as("approval_decided", mockup.ask("Olga", "/desk approvals WD-2"))


def test_rejecting(mockup: World, shown_as: ShownAs) -> None:
    """A rejection says that the money is back and what the creator reads."""
    mockup.withdrawal("ada", "60")
    shown_as("rejected", mockup.press("Mira", "payout.reject", "2", reason="The account name does not match."))
    shown_as("refused_reason", mockup.press("Mira", "payout.reject", "2", reason="no"))


def test_batches(mockup: World, shown_as: ShownAs) -> None:
    """A batch lists all that need one approver with a total, leaves out what is flagged, and reports each result."""
    mockup.project("duo", "Duo Deck", "bo")
    mockup.usage("song", jan(14, 8), "40000")
    mockup.settle(jan(15, 3))
    mockup.withdrawal("ada", "60")
    mockup.withdrawal("bo", "80")
    mockup.withdrawal("bo", "70")
    shown_as("batch", mockup.ask("Mira", "/desk batch"))
    mockup.ask("Ann", "/desk freeze ada an unusual pattern of use")
    listed = mockup.ask("Mira", "/desk batch")
    shown_as("batch_flagged", listed)
    mockup.ask("Tom", "/desk approve WD-3")
    shown_as("batch_done", mockup.press_in(listed, "Mira", "Approve 2"))
    shown_as("batch_empty", mockup.ask("Mira", "/desk batch"))
    shown_as("batch_nothing", mockup.press_in(listed, "Mira", "Approve 2"))


def test_paying_by_hand(mockup: World, shown_as: ShownAs) -> None:
    """What is to be paid, and what an admin reads after marking it; the ledger of a withdrawal."""
    mockup.withdrawal("ada", "60 wallet")
    mockup.withdrawal("ada", "70")
    mockup.ask("Mira", "/desk approve 2")
    mockup.ask("Mira", "/desk approve 3")
    mockup.pay()
    shown_as("payments", mockup.ask("Ann", "/desk payments"))
    shown_as("paid", mockup.press("Ann", "payout.paid", "2", reference="TR-77"))
    shown_as("failed", mockup.press("Ann", "payout.failed", "3", reason="The bank sent it back."))
    shown_as("ledger_paid", mockup.press("Mira", "payout.ledger", "2"))
    shown_as("ledger_failed", mockup.press("Mira", "payout.ledger", "3"))
    shown_as("payments_empty", mockup.ask("Ann", "/desk payments"))


def test_adjusting_and_holding(mockup: World, shown_as: ShownAs) -> None:
    """Two people for an adjustment; a reason for a hold; each says whether money moved."""
    shown_as("proposed", mockup.ask("Ann", "/desk adjust ada -5 A voucher was booked twice"))
    shown_as("adjustments", mockup.ask("Amos", "/desk adjustments"))
    shown_as("adjustments_own", mockup.ask("Ann", "/desk adjustments"))
    shown_as("refused_own_proposal", mockup.press("Ann", "adjust.approve", "1"))
    shown_as("adjusted", mockup.press("Amos", "adjust.approve", "1"))
    shown_as("balance_adjusted", mockup.ask("ada", "/balance"))
    mockup.withdrawal("ada", "60")
    shown_as("frozen", mockup.ask("Ann", "/desk freeze ada Identity check, two days at most"))
    shown_as("balance_frozen", mockup.ask("ada", "/balance"))
    shown_as("approvals_frozen", mockup.ask("Mira", "/desk approvals"))
    shown_as("unfrozen", mockup.ask("Ann", "/desk unfreeze ada All is well"))


def test_settlement_digest_audit_export(mockup: World, shown_as: ShownAs) -> None:
    """How far the books are, what a run would post, how a digest reads, who did what."""
    shown_as("settlement", mockup.ask("Ann", "/desk settlement"))
    mockup.now = jan(15, 10)
    shown_as("settlement_behind", mockup.ask("Ann", "/desk settlement"))
    shown_as("settlement_dry_run", mockup.ask("Ann", "/desk settlement dry-run"))
    shown_as("digest_test", mockup.ask("Olga", "/desk digest test full"))
    shown_as("audit", mockup.ask("Ann", "/desk audit"))
    shown_as("export", mockup.ask("Ann", "/desk export"))
    shown_as("exported", mockup.ask("Ann", "/desk export payouts"))
    shown_as("refused_terminal", mockup.ask("Ann", "/desk digest on"))


def test_help_by_role(mockup: World, shown_as: ShownAs) -> None:
    """Everyone reads what they may use, and nothing else."""
    shown_as("help_approver", mockup.ask("Mira", "/help"))
    shown_as("help_admin", mockup.ask("Ann", "/help"))
    shown_as("help_owner", mockup.ask("Olga", "/help"))
    shown_as("help_desk_adjust", mockup.ask("Olga", "/help desk adjust"))


def test_dashboards(mockup: World, shown_as: ShownAs) -> None:
    """What a creator, an approver, an admin and the owner see when they open the desk."""
    now, place = mockup.now, Destination("slack", "T1", user_id="U1")

    def home(name: str) -> Card:
        identity = mockup.link(name, platform="slack")
        with mockup.database.reading() as session:
            return dashboard.card(session, mockup.config, now, identity, place)

    with mockup.database.reading() as session:
        stranger = dashboard.card(session, mockup.config, now, Identity("slack", "U9", "demo"), place)
    shown_as("home_not_linked", stranger)
    mockup.withdrawal("ada", "60")
    mockup.withdrawal("ada", "600")
    mockup.ask("Mira", "/desk approve WD-3")
    shown_as("home_creator", home("ada"))
    shown_as("home_without_earnings", home("bo"))
    shown_as("home_approver", home("Mira"))
    for name in ("Mira", "Tom"):
        mockup.ask(name, "/desk approve WD-2")
    mockup.pay()
    mockup.ask("Ann", "/desk adjust ada -5 A voucher was booked twice")
    shown_as("home_admin", home("Ann"))
    shown_as("home_owner", home("Olga"))


def test_a_lost_workspace(mockup: World, shown_as: ShownAs) -> None:
    """What the owner reads when the desk was removed from a workspace."""
    mockup.link("Olga")
    to = Destination("slack", "T1", "C1")
    with mockup.database.transaction() as session:
        subscriptions.subscribe(session, mockup.now, people.resolve(session, "Ann"), to, "digest")
        subscriptions.workspace_gone(session, mockup.now, "slack", "T1", "the app was uninstalled")
    (card,) = [card for _, card in mockup.posted() if card.title.startswith("A workspace")]
    shown_as("workspace_lost", card)
