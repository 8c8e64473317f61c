"""Builds RVTools exports: workbooks and folders of CSV files, good ones and broken ones."""

import csv
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl

VCENTER = "11111111-2222-3333-4444-555555555555"
Sheet = Sequence[Mapping[str, Any]]


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def vm(number: int, **columns: Any) -> dict[str, Any]:
    """A row of vInfo with one disk and one interface, as RVTools 4.4 writes it."""
    return _row(
        {
            "VM": f"vm{number}",
            "Powerstate": "poweredOn",
            "Template": "False",
            "SRM Placeholder": "False",
            "Creation date": "2024/02/29 10:15:00",
            "CPUs": 2,
            "Memory": 4096,
            "NICs": 1,
            "Disks": 1,
            "CBT": "True",
            "Firmware": "efi",
            "Annotation": None,
            "Datacenter": "DC1",
            "Cluster": "C1",
            "Host": "esx1.example",
            "OS according to the configuration file": "Ubuntu Linux (64-bit)",
            "VM ID": f"vm-{number}",
            "SMBIOS UUID": uuid(number),
            "VM UUID": uuid(0x500000 + number),
            "VI SDK API Version": "8.0.2.0",
            "VI SDK Server": "vc1.example",
            "VI SDK UUID": VCENTER,
        },
        columns,
    )


def disk(number: int, key: int = 2000, **columns: Any) -> dict[str, Any]:
    return _row(
        {
            "VM": f"vm{number}",
            "Disk": f"Hard disk {key - 1999}",
            "Disk Key": key,
            "Disk Path": f"[ds1] vm{number}/vm{number}_{key}.vmdk",
            "Capacity MiB": 1024,
            "Raw": "False",
            "Thin": "True",
            "Eagerly Scrub": "False",
            "Unit #": key - 2000,
            "VM ID": f"vm-{number}",
            "VI SDK Server": "vc1.example",
            "VI SDK UUID": VCENTER,
        },
        columns,
    )


def nic(number: int, index: int = 0, **columns: Any) -> dict[str, Any]:
    return _row(
        {
            "VM": f"vm{number}",
            "NIC label": f"Network adapter {index + 1}",
            "Adapter": "Vmxnet3",
            "Network": "VM Network",
            "Connected": "True",
            "Mac Address": f"00:50:56:00:{number:02X}:{index:02X}",
            "VM ID": f"vm-{number}",
            "VI SDK Server": "vc1.example",
            "VI SDK UUID": VCENTER,
        },
        columns,
    )


def host(name: str = "esx1.example", **columns: Any) -> dict[str, Any]:
    return _row(
        {
            "Host": name,
            "in Maintenance Mode": "False",
            "Speed": 2400,
            "# Cores": 32,
            "# Memory": 524288,
            "ESX Version": "VMware ESXi 8.0.2 build-1",
            "Vendor": "Dell",
            "Model": "R750",
            "Object ID": "host-1",
            "VI SDK Server": "vc1.example",
            "VI SDK UUID": VCENTER,
        },
        columns,
    )


def workbook(path: Path, **sheets: Sheet) -> Path:
    """An .xlsx file; a sheet is its rows, the columns are those of its first row."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for values in table(rows):
            sheet.append(values)
    book.save(path)
    return path


def table(rows: Sheet) -> list[list[Any]]:
    columns = list(rows[0]) if rows else []
    return [columns, *([row.get(column) for column in columns] for row in rows)]


def csv_folder(folder: Path, files: Mapping[str, Sheet], *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        with (folder / name).open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(table(rows))
    return folder


def edited(path: Path, part: str, edit: Callable[[bytes], bytes]) -> Path:
    """The workbook with one of its parts rewritten."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = edit(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_shared_strings(path: Path) -> Path:
    """The workbook with its texts in one table, as Excel and RVTools write them and openpyxl does not."""
    texts: list[bytes] = []

    def shared(match: re.Match[bytes]) -> bytes:
        texts.append(match[1])
        return b't="s"><v>%d</v>' % (len(texts) - 1)

    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in parts:
        if name.startswith("xl/worksheets/sheet"):
            parts[name] = re.sub(rb't="inlineStr"><is><t[^>]*>([^<]*)</t></is>', shared, parts[name])
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = b'<Relationship Id="rIdS" Type="%s" Target="/xl/sharedStrings.xml"/></Relationships>' % kind
    relations = "xl/_rels/workbook.xml.rels"
    parts[relations] = parts[relations].replace(b"</Relationships>", relation)
    phonetic = b'<rPh sb="0" eb="1"><t>phonetic</t></rPh>'
    table = b"".join(b"<si><r><t>%s</t></r>%s</si>" % (text, phonetic) for text in texts)
    parts["xl/sharedStrings.xml"] = b'<x:sst xmlns:x="a">%s</x:sst>' % re.sub(rb"<(/?)(\w)", rb"<\1x:\2", table)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def declaring_a_million_rows(path: Path) -> Path:
    declared = b'<dimension ref="A1:ZZ1048576"'
    return edited(path, "xl/worksheets/sheet1.xml", lambda xml: re.sub(rb'<dimension ref="[^"]*"', declared, xml))


def with_rows_appended(path: Path, rows: bytes) -> Path:
    return edited(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"</sheetData>", rows + b"</sheetData>"))


def _row(columns: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` are keyword arguments: `vm(1, **{"VM ID": ABSENT})` leaves a column out."""
    return {name: value for name, value in {**columns, **changes}.items() if value is not ABSENT}


ABSENT = object()
