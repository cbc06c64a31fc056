"""How many confirmation pings may be sent: a polite neighbour even in a storm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probes.icmp.columns import Floats, Integers, Mask, Rows, grown


@dataclass(frozen=True, slots=True)
class ConfirmationBudget:
    """Echo requests per second beyond the regular ones: in all, to the targets of one organization, and to
    one address (there the regular ones count too)."""

    per_second: float = 2000.0
    per_organization: float = 1000.0
    per_address: float = 20.0


class Allowance:
    """What is left of the budget now: buckets that hold one second's worth."""

    def __init__(self, budget: ConfirmationBudget) -> None:
        self._budget = budget
        self._filled_at = -np.inf
        self._left = budget.per_second
        self._organization: Floats = np.zeros(0)
        self._address: Floats = np.zeros(0)
        self._address_rate: Floats = np.zeros(0)

    def resize(self, organizations: int, address_group: Rows, rate_hz: Floats) -> None:
        """Take the present rows: `address_group` and the regular `rate_hz` of each."""
        self._organization = grown(self._organization, organizations, self._budget.per_organization)
        regular_hz = np.bincount(address_group, rate_hz)
        self._address_rate = np.maximum(self._budget.per_address - regular_hz, 1.0)
        self._address = self._address_rate.copy()

    def refill(self, now: float) -> None:
        """Let time pass."""
        passed_s = min(now - self._filled_at, 1.0)
        budget = self._budget
        self._left = min(self._left + passed_s * budget.per_second, budget.per_second)
        self._organization = np.minimum(
            self._organization + passed_s * budget.per_organization, budget.per_organization
        )
        self._address = np.minimum(self._address + passed_s * self._address_rate, self._address_rate)
        self._filled_at = now

    def reserve(self, organizations: Rows, counts: Integers) -> Mask:
        """Which of these requests, served in this order, are granted in full; those are paid."""
        fits = self._fits_organization(organizations, counts)
        granted = fits & (np.cumsum(np.where(fits, counts, 0)) <= self._left)
        self._pay(organizations[granted], counts[granted])
        return granted

    def spare(self, organizations: Rows) -> Mask:
        """Which of these single requests may be sent without need: while half of the budget is left."""
        if self._left <= self._budget.per_second / 2:
            return np.zeros(organizations.size, dtype=np.bool_)
        return self.reserve(organizations, np.ones(organizations.size, dtype=np.int64))

    def refund(self, organizations: Rows, counts: Integers) -> None:
        """Give back what was reserved and not sent."""
        self._pay(organizations, -counts)

    def admit(self, address_groups: Rows) -> Mask:
        """Which pings may go to their addresses now, at most one to each; those are paid."""
        admitted = np.zeros(address_groups.size, dtype=np.bool_)
        groups, first = np.unique(address_groups, return_index=True)
        admitted[first[self._address[groups] >= 1.0]] = True
        self._address[address_groups[admitted]] -= 1.0
        return admitted

    def _fits_organization(self, organizations: Rows, counts: Integers) -> Mask:
        order = np.argsort(organizations, kind="stable")
        sorted_organizations, running = organizations[order], np.cumsum(counts[order])
        first = np.searchsorted(sorted_organizations, sorted_organizations)
        used = running - (running[first] - counts[order][first])
        fits = np.empty(organizations.size, dtype=np.bool_)
        fits[order] = (used <= self._organization[sorted_organizations]) | (sorted_organizations == 0)
        return fits

    def _pay(self, organizations: Rows, counts: Integers) -> None:
        self._left -= float(counts.sum())
        np.subtract.at(self._organization, organizations, counts.astype(np.float64))
