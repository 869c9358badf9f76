"""Rows read from the bytes of a store, past SQLite: a damaged header, index or page hides no row of another page.

SQLite's file format (https://www.sqlite.org/fileformat2.html): pages of one size; a leaf page of a table (its first
byte is 13) holds cells, each with a row's number and its values; what does not fit is in a chain of overflow pages.
A row is believed only where its checksum fits, so whatever else the bytes hold does no harm.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

from harness.results.rows import Row, Value, text_of
from harness.results.schema import TABLES, TALLIES

_HEADER = b"SQLite format 3\0"
_LEAF = 13
_PAGE_SIZES = tuple(2**power for power in range(9, 17))
# Widths of whole numbers, by their type.
_WIDTHS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_FIXED: dict[int, Value] = {0: None, 8: 0, 9: 1}


@dataclass(frozen=True, eq=False)
class Found:
    """What was found of a store's rows.

    Attributes:
        rows: Those that are as they were written, by table and number.
        damaged: Trials that are there, but not as they were written, by number.
        missing: Numbers of rows of which nothing is left, by table.
        ends: Where what was found of a table ends, by those tables whose number of rows cannot be told.
    """

    rows: dict[str, dict[int, Row]]
    damaged: dict[int, Row]
    missing: dict[str, set[int]]
    ends: dict[str, int]


def carve(data: mmap.mmap) -> Found:
    """Return the rows of a store of this version; none where it is older, or something else."""
    size = int.from_bytes(data[16:18]) if data[:16] == _HEADER else 0
    size = 65536 if size == 1 else size
    if size in _PAGE_SIZES:
        found = _carved(data, size)
        if not (found.damaged or found.ends or any(found.missing.values())):
            return found
    # The header may be damaged too: the size at which most rows are whole is the right one.
    return max((_carved(data, size) for size in _PAGE_SIZES), key=lambda found: sum(map(len, found.rows.values())))


def _carved(data: mmap.mmap, size: int) -> Found:
    rows: dict[str, dict[int, Row]] = {table: {} for table in TABLES}
    damaged: dict[int, Row] = {}
    for start in range(0, len(data), size):
        for number, (_, *content, checksum) in _cells(data, start, size):
            # Several tables have as many columns as one another: the checksum tells whose row it is.
            for table, columns in TABLES.items():
                if len(columns) != len(content):
                    continue
                row = Row(table, number, tuple(content), str(checksum))
                if row.is_intact:
                    rows[table][number] = row
                elif table == "trials":
                    damaged[number] = Row(table, number, tuple(content), "")
    counts = {row["name"]: row["rows"] for row in rows.pop(TALLIES).values()}
    ends = {table: max(intact, default=0) for table, intact in rows.items() if table not in counts}
    missing = {
        table: set(range(1, counts.get(table, ends.get(table, 0)) + 1)) - intact.keys()
        for table, intact in rows.items()
    }
    damaged = {number: row for number, row in damaged.items() if number in missing["trials"]}
    missing["trials"] -= damaged.keys()
    return Found(rows, damaged, missing, ends)


def _cells(data: mmap.mmap, start: int, size: int) -> Iterator[tuple[int, list[Value]]]:
    """Yield the number and the values of each cell of a page that can be read as a table's leaf."""
    page = data[start : start + size]
    head = 100 if start == 0 else 0
    if len(page) < head + 8 or page[head] != _LEAF:
        return
    count = min(int.from_bytes(page[head + 3 : head + 5]), (size - head - 8) // 2)
    for place in range(head + 8, head + 8 + 2 * count, 2):
        try:
            number, values = _cell(data, page, int.from_bytes(page[place : place + 2]), size)
        except (LookupError, ValueError):
            continue  # damaged: another cell may be whole
        if len(values) > 2:  # at least a number, a value and a checksum
            yield number, values


def _cell(data: mmap.mmap, page: bytes, place: int, size: int) -> tuple[int, list[Value]]:
    length, place = _number(page, place)
    number, place = _number(page, place)
    if length > len(data):
        raise ValueError("longer than the file")
    most, least = size - 35, (size - 12) * 32 // 255 - 23
    local = length
    if length > most:
        local = least + (length - least) % (size - 4)
        local = local if local <= most else least
    payload = bytearray(page[place : place + local])
    following = int.from_bytes(page[place + local : place + local + 4]) if local < length else 0
    while len(payload) < length:
        start = (following - 1) * size
        if following < 1 or start + 4 > len(data):
            raise ValueError("an overflow page is missing")
        payload += data[start + 4 : start + size][: length - len(payload)]
        following = int.from_bytes(data[start : start + 4])
    return number, list(_values(bytes(payload)))


def _values(payload: bytes) -> Iterator[Value]:
    end, place = _number(payload, 0)
    kinds = []
    while place < end:
        kind, place = _number(payload, place)
        kinds.append(kind)
    for kind in kinds:
        width = _WIDTHS.get(kind, max(kind - 12, 0) // 2)
        data = payload[place : place + width]
        if len(data) < width:
            raise ValueError("shorter than its columns")
        place += width
        if kind in _WIDTHS:
            yield int.from_bytes(data, signed=True)
        elif kind >= 12:
            yield text_of(data) if kind % 2 else data
        else:
            yield _FIXED[kind]  # no table holds another kind of number


def _number(data: bytes, place: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and the place after it."""
    value = 0
    for byte in data[place : place + 8]:
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
    return value << 8 | data[place], place + 1
