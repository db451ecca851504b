"""Every refusal of the payouts room, readable as a list. Each says the reason, whether money moved, and what next."""

from __future__ import annotations

from core.errors import DeskError


class NotACreator(DeskError):
    """Nothing moved. Only creators have a balance, and you are not linked to one."""


class NoWallet(DeskError):
    """Nothing moved. There is no wallet yet: it comes with the first project."""


class NoSuchCreator(DeskError):
    """Nothing changed. There is no creator '{creator_id}'."""


class NoSuchProgram(DeskError):
    """Nothing changed. '{program}' is none of {whose} programs: {programs}."""


class NameAProgram(DeskError):
    """Nothing changed. {who} in several programs; say which: {programs}."""


class NegativeBalance(DeskError):
    """{balance}; future earnings repay this first. Nothing moved."""


class BalanceBelowMinimum(DeskError):
    """Minimum {minimum}; you have {balance}, {short} short."""


class AmountBelowMinimum(DeskError):
    """Minimum {minimum}; you asked for {amount}, {short} short. Nothing moved."""


class AboveBalance(DeskError):
    """You asked for {amount}; {balance} is available. Nothing moved."""


class NotWholeCents(DeskError):
    """A withdrawal is in whole cents; you asked for {amount}. Nothing moved."""


class FeeEatsAmount(DeskError):
    """The fee of {fee} would leave nothing of {amount}. Ask for more. Nothing moved."""


class FeeChanged(DeskError):
    """The fee is {fee} now; your preview said {before}. Nothing moved. Look at a new preview with /withdraw."""


class NoMethods(DeskError):
    """No payout method is offered in {country} yet. Nothing moved; your balance is safe."""


class NoSuchMethod(DeskError):
    """'{method}' is not offered in {country}. You can use: {methods}. Nothing moved."""


class MethodNotReady(DeskError):
    """{method} isn't set up yet. Set it up with /methods. Nothing moved."""


class NoDestination(DeskError):
    """{method} needs a destination to pay to, of at most 200 characters. Nothing changed."""


class AccountFrozen(DeskError):
    """Your account is on hold: {reason}. Nothing moved; your balance is safe."""


class Waiting(DeskError):
    """New requests wait until {until}: {why} on {since}. Nothing moved; open requests go on."""


class NoSuchDraft(DeskError):
    """There is no such preview of yours. Nothing moved. Ask for a new one with /withdraw."""


class DraftExpired(DeskError):
    """This preview is older than {minutes} minutes. Nothing moved. Ask for a new one with /withdraw."""


class DraftDiscarded(DeskError):
    """You discarded this preview at {at}. Nothing moved. Ask for a new one with /withdraw."""


class DraftUsed(DeskError):
    """Already requested at {at}: {withdrawal}, {amount}, {status}. Nothing changed."""


class NoSuchWithdrawal(DeskError):
    """There is no withdrawal {withdrawal} of yours. Nothing changed."""


class UnknownWithdrawal(DeskError):
    """There is no withdrawal {withdrawal}. Nothing changed."""


class TooLateToCancel(DeskError):
    """{withdrawal} is {status} since {at}; it can't be cancelled any more. Nothing changed."""


class NotAllowed(DeskError):
    """Nothing changed. Only {role} can do that."""


class OwnWithdrawal(DeskError):
    """Nothing changed. {withdrawal} is your own; someone else has to decide it."""


class AlreadyDecided(DeskError):
    """Already decided by {who} at {at}. Nothing changed."""


class AlreadyCancelled(DeskError):
    """Already cancelled by {who} at {at}. Nothing changed."""


class AlreadyApproved(DeskError):
    """You approved {withdrawal} at {at}: {approvals} of {needed}. Someone else has to be the next. Nothing changed."""


class ReasonNeeded(DeskError):
    """Nothing changed. Say why in {least} to {most} characters; yours has {length}."""


class ReferenceTooLong(DeskError):
    """Nothing changed. A reference has at most {most} characters; yours has {length}."""


class NotSent(DeskError):
    """{withdrawal} is {state}, not sent. Nothing changed."""


class NotPaid(DeskError):
    """{withdrawal} is {state}, not paid. Nothing changed."""


class AlreadyEnded(DeskError):
    """{withdrawal} is already {state}, by {who} at {at}. Nothing changed."""


class AlreadyFrozen(DeskError):
    """{name} is on hold already, since {at}: {reason}. Nothing changed."""


class NotFrozen(DeskError):
    """{name} is not on hold. Nothing changed."""


class OwnAccount(DeskError):
    """Nothing changed. This concerns your own account; someone else has to do it."""


class ZeroAdjustment(DeskError):
    """Nothing changed. An adjustment of $0.00 adjusts nothing."""


class AdjustmentTooLarge(DeskError):
    """Nothing changed. An adjustment is {most} at most, up or down."""


class NoSuchAdjustment(DeskError):
    """There is no adjustment {adjustment_id}. Nothing changed."""


class OwnProposal(DeskError):
    """Nothing changed. You proposed this adjustment; another admin or owner has to approve it."""
