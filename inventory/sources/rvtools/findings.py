"""What was not as it should be, collected while reading."""

from collections import Counter, defaultdict

from ..records import Finding

MOST_OF_ONE_CODE = 1000


class Findings:
    """Findings of one reading: those of the run, and those that leave a VM out, by its origin.

    With `names`, what concerns other VMs is not collected. A million broken rows do not become a million
    findings: beyond `MOST_OF_ONE_CODE` of one code, those that leave no VM out are only counted.
    """

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        self._names = names
        self._of_run: list[Finding] = []
        self._left_out: defaultdict[str, list[Finding]] = defaultdict(list)
        self._seen: Counter[str] = Counter()

    def note(self, finding: Finding, *, about: str | None = None) -> None:
        """Keep a finding that leaves no VM out; `about` is the VM that it concerns, if one."""
        if self._names and about is not None and about not in self._names:
            return
        self._seen[finding.code] += 1
        if self._seen[finding.code] <= MOST_OF_ONE_CODE:
            self._of_run.append(finding)

    def leave_out(self, finding: Finding, *, origin: str) -> None:
        """Keep a finding because of which a VM of this origin is left out; however many there are."""
        if not self._names or finding.vm_name in self._names:
            self._left_out[origin].append(finding)

    def of_run(self) -> tuple[Finding, ...]:
        uncounted = {code: seen - MOST_OF_ONE_CODE for code, seen in self._seen.items() if seen > MOST_OF_ONE_CODE}
        severities = {finding.code: finding.severity for finding in self._of_run}
        return tuple(self._of_run) + tuple(
            Finding(
                code,
                f"{more} more findings of this kind are not listed; correct the listed ones and read the file again.",
                severity=severities[code],
            )
            for code, more in uncounted.items()
        )

    def left_out_of(self, origin: str) -> tuple[Finding, ...]:
        return tuple(self._left_out.get(origin, ()))
