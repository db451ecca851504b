"""A chat platform as scenarios see it, so that each is written once and played on every platform."""

from tests.stages.stage import APPROVALS, EARNINGS, Stage
from tests.stages.where import STAGES, staged

__all__ = ["APPROVALS", "EARNINGS", "STAGES", "Stage", "staged"]
