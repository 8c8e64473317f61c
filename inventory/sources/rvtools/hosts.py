"""The sheet vHost."""

from collections import defaultdict

from ..records import Finding, Host
from . import cells
from .findings import Findings
from .origins import COLUMNS as ORIGIN_COLUMNS
from .origins import Origins
from .table import Row, Sheets, Table

COLUMNS = {
    **ORIGIN_COLUMNS,
    "name": ("Host", "Name"),
    "moref": ("Object ID",),
    "cpu_cores": ("# Cores", "Num CPU Cores"),
    "cpu_mhz": ("Speed", "CPU MHz"),
    "memory_mb": ("# Memory", "Memory Size"),
    "version": ("ESX Version",),
    "vendor": ("Vendor",),
    "model": ("Model",),
    "in_maintenance": ("in Maintenance Mode", "Maintenance Mode"),
}

Hosts = dict[str, dict[str, Host]]
"""Hosts by the key of their origin and by name in lower case, as the names of a DNS are one in any case."""


def read_hosts(sheets: Sheets, origins: Origins, findings: Findings) -> Hosts:
    """The hosts that can be told apart; none where the export has no sheet vHost."""
    hosts: defaultdict[str, dict[str, Host]] = defaultdict(dict)
    sheet = sheets.sheet("vHost")
    twice = set()
    for row in Table(sheet, COLUMNS) if sheet else ():
        name = row.plain("name", cells.text)
        origin = origins.find(row)
        if name is None or origin is None or origin not in origins or row.shifted:
            findings.note(_unclear(row))
        elif name.lower() in hosts[origin]:
            twice.add((origin, name.lower()))
            findings.note(_duplicate(row, name))
        else:
            hosts[origin][name.lower()] = _host(row, name, findings)
    for origin, name in twice:
        del hosts[origin][name]
    return dict(hosts)


def _host(row: Row, name: str, findings: Findings) -> Host:
    return Host(
        name=name,
        moref=row.take("moref", cells.text, findings),
        cpu_cores=row.take("cpu_cores", cells.positive, findings),
        cpu_mhz=row.take("cpu_mhz", cells.positive, findings),
        memory_mb=row.take("memory_mb", cells.positive, findings),
        version=row.take("version", cells.text, findings),
        vendor=row.take("vendor", cells.text, findings),
        model=row.take("model", cells.text, findings),
        in_maintenance=row.take("in_maintenance", cells.boolean, findings),
    )


def _unclear(row: Row) -> Finding:
    message = "The host has no name, or belongs to no vCenter that vInfo names, so it was left out; export it again."
    return row.finding("unclear_host", message, "name")


def _duplicate(row: Row, name: str) -> Finding:
    message = f"The host {name!r} occurs twice in one vCenter, so it was left out; remove the wrong row."
    return row.finding("duplicate_host", message, "name")
