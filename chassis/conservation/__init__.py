"""Conservation: whatever was accepted is delivered, pending, parked or dead, or its id is named."""

from chassis.conservation.keeper import LawKeeper
from chassis.conservation.standing import Border, Standing

__all__ = ["Border", "LawKeeper", "Standing"]
