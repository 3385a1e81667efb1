# Columns of values, as lists with None for NULL, and how they lie in frames.
#
# A column of n values is a byte (1 when there are nulls, and then n bytes, 1 for
# NULL), followed by its values as their type lies: numbers as in memory, little
# endian; text, bytes and decimals (as text) as n + 1 offsets of 4 bytes and the
# bytes; lists as offsets and the columns of their elements; rows as the columns of
# their fields. arrow.py has the other form.
import array
import datetime
import decimal
import struct
import sys
from itertools import accumulate

from pyflink.common import Row

EPOCH = datetime.datetime(1970, 1, 1)
EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
MICRO = datetime.timedelta(microseconds=1)
MILLI = datetime.timedelta(milliseconds=1)
UTC = datetime.timezone.utc
BIG = sys.byteorder == "big"

CODES = {"TINYINT": "b", "SMALLINT": "h", "INT": "i", "BIGINT": "q", "FLOAT": "f", "DOUBLE": "d", "INTERVAL_YM": "i"}
RANGES = {"TINYINT": 1 << 7, "SMALLINT": 1 << 15, "INT": 1 << 31, "BIGINT": 1 << 63, "INTERVAL_YM": 1 << 31}


class Failed(Exception):
    """A row that a function failed on."""

    def __init__(self, row, cause):
        self.row = row
        self.cause = cause


class Input:
    def __init__(self, data, at):
        self.data = data
        self.at = at

    def take(self, n):
        at = self.at
        self.at = at + n
        return self.data[at:self.at]

    def u32(self):
        return struct.unpack_from("<I", self.take(4))[0]

    def numbers(self, code, n):
        a = array.array(code)
        a.frombytes(self.take(n * a.itemsize))
        if BIG:
            a.byteswap()
        return a.tolist()


def read_bytes(src, n):
    offs = src.numbers("I", n + 1)
    data = bytes(src.take(offs[n]))
    return [data[a:b] for a, b in zip(offs, offs[1:])]


def read_text(src, n):
    offs = src.numbers("I", n + 1)
    data = bytes(src.take(offs[n]))
    text = data.decode()
    if len(text) == len(data):
        return [text[a:b] for a, b in zip(offs, offs[1:])]
    return [data[a:b].decode() for a, b in zip(offs, offs[1:])]


def local(zone):
    """Brings times of UTC to times of the zone."""
    def at(t):
        return t.replace(tzinfo=UTC).astimezone(zone)
    return at


def counted(keys, counts):
    """The values of a multiset, each as often as it counts."""
    return [k for k, n in zip(keys, counts) for _ in range(n)]


def rows(names, cols, n):
    out = []
    for values in zip(*cols) if cols else ((),) * n:
        r = Row(*values)
        r.set_field_names(names)
        out.append(r)
    return out


# How a number becomes a value.
MAKERS = {
    "DATE": ("i", lambda t: lambda x: datetime.date.fromordinal(x + EPOCH_DAY)),
    "TIME": ("i", lambda t: lambda x: (EPOCH + datetime.timedelta(milliseconds=x)).time()),
    "TIMESTAMP": ("q", lambda t: lambda x: EPOCH + datetime.timedelta(microseconds=x)),
    "TIMESTAMP_LTZ": ("q", lambda t: lambda x, at=local(t["zone"]): at(EPOCH + datetime.timedelta(microseconds=x))),
    "INTERVAL_DT": ("q", lambda t: lambda x: datetime.timedelta(milliseconds=x)),
}


def read(src, t, n):
    """The n values of the next column."""
    nulls = bytes(src.take(n)) if src.take(1)[0] else None
    kind = t["k"]
    if kind in CODES:
        v = src.numbers(CODES[kind], n)
    elif kind == "BOOLEAN":
        v = [b != 0 for b in src.take(n)]
    elif kind in ("CHAR", "VARCHAR"):
        v = read_text(src, n)
    elif kind in ("BINARY", "VARBINARY"):
        v = read_bytes(src, n)
    elif kind == "DECIMAL":
        v = [decimal.Decimal(s) if s else None for s in read_text(src, n)]
    elif kind in MAKERS:
        code, maker = MAKERS[kind]
        make = maker(t)
        v = src.numbers(code, n)
        if nulls is None:
            return [make(x) for x in v]
        return [None if null else make(x) for x, null in zip(v, nulls)]
    elif kind == "ARRAY":
        offs = src.numbers("I", n + 1)
        e = read(src, t["e"], offs[n])
        v = [e[a:b] for a, b in zip(offs, offs[1:])]
    elif kind in ("MAP", "MULTISET"):
        offs = src.numbers("I", n + 1)
        k = read(src, t["key"], offs[n])
        e = read(src, t["e"], offs[n])
        join = (lambda a, b: dict(zip(a, b))) if kind == "MAP" else counted
        v = [join(k[a:b], e[a:b]) for a, b in zip(offs, offs[1:])]
    elif kind == "ROW":
        v = rows(t["n"], [read(src, f, n) for f in t["f"]], n)
    else:
        raise TypeError("no values of type " + kind)
    if nulls is not None:
        v = [None if null else x for x, null in zip(v, nulls)]
    return v


def wrong(t, v, i):
    raise Failed(i, TypeError("the result %r is no %s" % (v, t["s"])))


def packed(code, v, t=None):
    """An array of numbers, 0 for None; with a type, one that does not fit is an error of its row."""
    try:
        return array.array(code, v if None not in v else [0 if x is None else x for x in v])
    except (TypeError, OverflowError):
        if t is None:
            raise
        for i, x in enumerate(v):
            if x is None:
                continue
            if t["k"] in RANGES and isinstance(x, int) and not -RANGES[t["k"]] <= x < RANGES[t["k"]]:
                raise Failed(i, OverflowError("the result %r does not fit %s" % (x, t["s"])))
            try:
                array.array(code, [x])
            except (TypeError, OverflowError):
                wrong(t, x, i)
        raise


def each(t, v, kind, number):
    """A number for each value, which must be of a class."""
    out = []
    for i, x in enumerate(v):
        if x is None:
            out.append(0)
        elif isinstance(x, kind):
            out.append(number(x))
        else:
            wrong(t, x, i)
    return out


def instant(t):
    zone = t.get("zone")

    def micros(x):
        if zone is not None:
            x = (x.replace(tzinfo=zone) if x.tzinfo is None else x).astimezone(UTC)
        return (x.replace(tzinfo=None) - EPOCH) // MICRO
    return micros


def check(t, v, kind):
    for i, x in enumerate(v):
        if x is not None and not isinstance(x, kind):
            wrong(t, x, i)


def decimals(t, v):
    """Decimals as text."""
    out = []
    for i, x in enumerate(v):
        if x is None:
            out.append(None)
        elif isinstance(x, (decimal.Decimal, int)) and (isinstance(x, int) or x.is_finite()):
            out.append(format(decimal.Decimal(x), "f"))
        else:
            wrong(t, x, i)
    return out


def write(form, t, v):
    """Lays out a column of the values v: form says how, and what comes back is its own."""
    kind = t["k"]
    if kind in CODES:
        return form.numbers(kind, packed(CODES[kind], v, t), v)
    if kind == "BOOLEAN":
        for i, x in enumerate(v):
            if x is not None and x is not True and x is not False and not isinstance(x, int) and type(x).__name__ not in ("bool_", "bool"):
                wrong(t, x, i)
        return form.bools([None if x is None else bool(x) for x in v])
    if kind in ("CHAR", "VARCHAR"):
        try:
            return form.texts(v)
        except (AttributeError, TypeError):
            check(t, v, str)
            raise
    if kind in ("BINARY", "VARBINARY"):
        check(t, v, (bytes, bytearray))
        return form.bytes(v)
    if kind == "DECIMAL":
        return form.texts(decimals(t, v))
    if kind == "DATE":
        return form.numbers(kind, packed("i", each(t, v, datetime.date, lambda x: x.toordinal() - EPOCH_DAY)), v)
    if kind == "TIME":
        number = lambda x: ((x.hour * 60 + x.minute) * 60 + x.second) * 1000 + x.microsecond // 1000
        return form.numbers(kind, packed("i", each(t, v, datetime.time, number)), v)
    if kind in ("TIMESTAMP", "TIMESTAMP_LTZ"):
        return form.numbers(kind, packed("q", each(t, v, datetime.datetime, instant(t))), v)
    if kind == "INTERVAL_DT":
        return form.numbers(kind, packed("q", each(t, v, datetime.timedelta, lambda x: x // MILLI)), v)
    if kind in ("ARRAY", "MAP", "MULTISET"):
        return write_list(form, t, v)
    if kind == "ROW":
        fields, names = t["f"], t["n"]
        cols = [[] for _ in fields]
        for i, x in enumerate(v):
            if x is None:
                x = (None,) * len(fields)
            elif isinstance(x, dict):
                x = [x.get(name) for name in names]
            elif isinstance(x, (str, bytes)) or not hasattr(x, "__len__") or len(x) != len(fields):
                wrong(t, x, i)
            for c, y in zip(cols, x):
                c.append(y)
        return form.row(t, [write(form, f, c) for f, c in zip(fields, cols)], v)
    raise TypeError("no values of type " + kind)


def write_list(form, t, v):
    kind = t["k"]
    offs, elems, keys = [0], [], []
    for i, x in enumerate(v):
        if x is None:
            pass
        elif kind == "MAP":
            if not isinstance(x, dict):
                wrong(t, x, i)
            keys.extend(x.keys())
            elems.extend(x.values())
        elif isinstance(x, (str, bytes, dict)) or not hasattr(x, "__iter__"):
            wrong(t, x, i)
        elif kind == "MULTISET":
            counts = {}
            for y in x:
                counts[y] = counts.get(y, 0) + 1
            keys.extend(counts.keys())
            elems.extend(counts.values())
        else:
            elems.extend(x)
        offs.append(len(elems))
    try:
        kids = [write(form, t["e"], elems)]
        if kind != "ARRAY":
            kids.insert(0, write(form, t["key"], keys))
    except Failed as e:
        e.row = next(i for i in range(len(v)) if offs[i] <= e.row < offs[i + 1])
        raise
    return form.list(t, packed("I", offs), kids, v)


class Plain:
    """The form of frames: a list of pieces of bytes."""

    def nulls(self, v):
        if None in v:
            return [b"\x01" + bytes(x is None for x in v)]
        return [b"\x00"]

    def numbers(self, kind, a, v):
        if BIG:
            a.byteswap()
        return self.nulls(v) + [a.tobytes()]

    def bools(self, v):
        return self.nulls(v) + [bytes(bool(x) for x in v)]

    def texts(self, v):
        return self.nulls(v) + self.pieces([b"" if x is None else x.encode() for x in v])

    def bytes(self, v):
        return self.nulls(v) + self.pieces([b"" if x is None else bytes(x) for x in v])

    def pieces(self, v):
        offs = packed("I", list(accumulate(map(len, v), initial=0)))
        if BIG:
            offs.byteswap()
        return [offs.tobytes(), b"".join(v)]

    def list(self, t, offs, kids, v):
        if BIG:
            offs.byteswap()
        return self.nulls(v) + [offs.tobytes()] + [p for k in kids for p in k]

    def row(self, t, kids, v):
        return self.nulls(v) + [p for k in kids for p in k]


PLAIN = Plain()
BYTES = {"k": "VARBINARY", "s": "BYTES"}


def zoned(t, zone):
    """Gives the types of local times their zone."""
    if t["k"] == "TIMESTAMP_LTZ":
        t["zone"] = zone
    for part in ("e", "key"):
        if part in t:
            zoned(t[part], zone)
    for f in t.get("f", ()):
        zoned(f, zone)
    return t
