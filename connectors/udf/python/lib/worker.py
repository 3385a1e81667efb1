# The worker that runs user functions for mink. It needs the standard library alone.
#
# Frames on stdin and stdout: a length in 4 bytes, then a byte that says what it is,
# then the rest. All numbers are little endian.
#
#   J  request: JSON; answer: J with JSON
#   C  request: function (4 bytes), rows (4), one column an argument;
#      answer: O and one column, or E with the row (4), the length of the message (4),
#      message and traceback
#   T  the same for a table function; answer: O, rows (4), the number of rows of each
#      input row (4 each), one column a result
#   A  aggregate: function (4), a number of accumulators (4) and them (as bytes, NULL
#      for a new one), steps (4); the accumulator each step begins with (4 each; from
#      the number on: that of a step before), the one it merges (4 each, -1 for none),
#      its first row (4 each, and the end); rows (4), 1 for each that is taken back (1
#      each), one column an argument, 1 if values are wanted (1); answer: O, the accumulators
#      of the steps, and, if wanted, the values of all accumulators, new ones behind
#   V  values: function, groups, accumulators; answer: O and one column
#
# A column of n values is a byte (1 when there are nulls, and then n bytes, 1 for
# NULL), followed by its values as their type lies: see read_ and write_ below.
import array
import datetime
import decimal
import importlib
import inspect
import json
import os
import pickle
import struct
import sys
import traceback

from pyflink.common import Row, RowKind  # noqa: F401
from pyflink.table import udf as _udf

EPOCH = datetime.datetime(1970, 1, 1)
EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
MICRO = datetime.timedelta(microseconds=1)
BIG = sys.byteorder == "big"


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


CODES = {"TINYINT": "b", "SMALLINT": "h", "INT": "i", "BIGINT": "q", "FLOAT": "f", "DOUBLE": "d"}
RANGES = {"TINYINT": 1 << 7, "SMALLINT": 1 << 15, "INT": 1 << 31, "BIGINT": 1 << 63}


def read_bytes(src, n):
    offs = src.numbers("I", n + 1)
    data = bytes(src.take(offs[n]))
    return [data[offs[i]:offs[i + 1]] for i in range(n)]


def read(src, t, n):
    """The n values of the next column, None for NULL."""
    nulls = bytes(src.take(n)) if src.take(1)[0] else None
    kind = t["k"]
    if kind in CODES:
        v = src.numbers(CODES[kind], n)
    elif kind == "BOOLEAN":
        v = [b != 0 for b in src.take(n)]
    elif kind in ("CHAR", "VARCHAR"):
        v = [b.decode() for b in read_bytes(src, n)]
    elif kind in ("BINARY", "VARBINARY"):
        v = read_bytes(src, n)
    elif kind == "DECIMAL":
        v = [decimal.Decimal(b.decode()) if b else None for b in read_bytes(src, n)]
    elif kind == "DATE":
        v = src.numbers("i", n)
        for i in range(n):
            if nulls is None or not nulls[i]:
                v[i] = datetime.date.fromordinal(v[i] + EPOCH_DAY)
    elif kind == "TIME":
        v = src.numbers("i", n)
        for i in range(n):
            if nulls is None or not nulls[i]:
                v[i] = (EPOCH + datetime.timedelta(milliseconds=v[i])).time()
    elif kind == "TIMESTAMP":
        v = src.numbers("q", n)
        for i in range(n):
            if nulls is None or not nulls[i]:
                v[i] = EPOCH + datetime.timedelta(microseconds=v[i])
    elif kind == "TIMESTAMP_LTZ":
        v = src.numbers("q", n)
        zone = t["zone"]
        for i in range(n):
            if nulls is None or not nulls[i]:
                u = (EPOCH + datetime.timedelta(microseconds=v[i])).replace(tzinfo=datetime.timezone.utc)
                v[i] = u.astimezone(zone)
    elif kind == "ARRAY":
        offs = src.numbers("I", n + 1)
        e = read(src, t["e"], offs[n])
        v = [e[offs[i]:offs[i + 1]] for i in range(n)]
    elif kind == "MAP":
        offs = src.numbers("I", n + 1)
        k = read(src, t["key"], offs[n])
        e = read(src, t["e"], offs[n])
        v = [dict(zip(k[offs[i]:offs[i + 1]], e[offs[i]:offs[i + 1]])) for i in range(n)]
    elif kind == "ROW":
        cols = [read(src, f, n) for f in t["f"]]
        names = t["n"]
        v = []
        for i in range(n):
            r = Row(*[c[i] for c in cols])
            r.set_field_names(names)
            v.append(r)
    else:
        raise TypeError("no values of type " + kind)
    if nulls is not None:
        for i in range(n):
            if nulls[i]:
                v[i] = None
    return v


def write_bytes(out, values):
    offs = array.array("I", [0])
    at = 0
    for b in values:
        at += len(b)
        offs.append(at)
    if BIG:
        offs.byteswap()
    out.append(offs.tobytes())
    out.extend(values)


def wrong(t, v, i):
    raise Failed(i, TypeError("the result %r is no %s" % (v, t["s"])))


def write(out, t, v):
    """Appends a column of the values v, None for NULL, to out."""
    n = len(v)
    kind = t["k"]
    if None in v:
        out.append(b"\x01" + bytes(1 if x is None else 0 for x in v))
    else:
        out.append(b"\x00")
    if kind in CODES:
        code = CODES[kind]
        try:
            a = array.array(code, [0 if x is None else x for x in v])
        except (TypeError, OverflowError):
            for i, x in enumerate(v):
                if x is None:
                    continue
                if kind in RANGES and isinstance(x, int) and not -RANGES[kind] <= x < RANGES[kind]:
                    raise Failed(i, OverflowError("the result %r does not fit %s" % (x, t["s"])))
                try:
                    array.array(code, [x])
                except (TypeError, OverflowError):
                    wrong(t, x, i)
            raise
        if BIG:
            a.byteswap()
        out.append(a.tobytes())
    elif kind == "BOOLEAN":
        for i, x in enumerate(v):
            if x is not None and x is not True and x is not False and not isinstance(x, int) and type(x).__name__ != "bool_":
                wrong(t, x, i)
        out.append(bytes(1 if x else 0 for x in v))
    elif kind in ("CHAR", "VARCHAR"):
        try:
            write_bytes(out, [b"" if x is None else x.encode() for x in v])
        except AttributeError:
            for i, x in enumerate(v):
                if x is not None and not isinstance(x, str):
                    wrong(t, x, i)
            raise
    elif kind in ("BINARY", "VARBINARY"):
        for i, x in enumerate(v):
            if x is not None and not isinstance(x, (bytes, bytearray)):
                wrong(t, x, i)
        write_bytes(out, [b"" if x is None else bytes(x) for x in v])
    elif kind == "DECIMAL":
        texts = []
        for i, x in enumerate(v):
            if x is None:
                texts.append(b"")
            elif isinstance(x, (decimal.Decimal, int)) and (isinstance(x, int) or x.is_finite()):
                texts.append(format(decimal.Decimal(x), "f").encode())
            else:
                wrong(t, x, i)
        write_bytes(out, texts)
    elif kind == "DATE":
        days = []
        for i, x in enumerate(v):
            if x is not None and not isinstance(x, datetime.date):
                wrong(t, x, i)
            days.append(0 if x is None else x.toordinal() - EPOCH_DAY)
        write_numbers(out, "i", days)
    elif kind == "TIME":
        ms = []
        for i, x in enumerate(v):
            if x is not None and not isinstance(x, datetime.time):
                wrong(t, x, i)
            ms.append(0 if x is None else ((x.hour * 60 + x.minute) * 60 + x.second) * 1000 + x.microsecond // 1000)
        write_numbers(out, "i", ms)
    elif kind in ("TIMESTAMP", "TIMESTAMP_LTZ"):
        us = []
        for i, x in enumerate(v):
            if x is None:
                us.append(0)
                continue
            if not isinstance(x, datetime.datetime):
                wrong(t, x, i)
            if kind == "TIMESTAMP_LTZ":
                if x.tzinfo is None:
                    x = x.replace(tzinfo=t["zone"])
                x = x.astimezone(datetime.timezone.utc)
            us.append((x.replace(tzinfo=None) - EPOCH) // MICRO)
        write_numbers(out, "q", us)
    elif kind in ("ARRAY", "MAP"):
        offs, elems, keys = [0], [], []
        for i, x in enumerate(v):
            if x is not None:
                if kind == "MAP":
                    if not isinstance(x, dict):
                        wrong(t, x, i)
                    keys.extend(x.keys())
                    elems.extend(x.values())
                else:
                    if isinstance(x, (str, bytes, dict)) or not hasattr(x, "__iter__"):
                        wrong(t, x, i)
                    elems.extend(x)
            offs.append(len(elems))
        write_numbers(out, "I", offs)
        try:
            if kind == "MAP":
                write(out, t["key"], keys)
            write(out, t["e"], elems)
        except Failed as e:
            e.row = next(i for i in range(n) if offs[i] <= e.row < offs[i + 1])
            raise
    elif kind == "ROW":
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
        for f, c in zip(fields, cols):
            write(out, f, c)
    else:
        raise TypeError("no values of type " + kind)


def write_numbers(out, code, v):
    a = array.array(code, v)
    if BIG:
        a.byteswap()
    out.append(a.tobytes())


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


def zone_of(name):
    if name in ("", "UTC"):
        return datetime.timezone.utc
    import zoneinfo
    return zoneinfo.ZoneInfo(name)


def find(req):
    """The user function that 'module.name' means."""
    for p in reversed(req["path"]):
        if p not in sys.path:
            sys.path.insert(0, p)
    name = req["function"]
    module, dot, attr = name.rpartition(".")
    if not dot:
        raise LookupError("'%s' is not 'module.function'" % name)
    f = importlib.import_module(module)
    if not hasattr(f, attr):
        near = sorted(n for n, v in vars(f).items() if isinstance(v, _udf.UserDefinedFunctionWrapper))
        raise LookupError("module %s has no '%s'; its functions are: %s" % (module, attr, ", ".join(near) or "none"))
    f = getattr(f, attr)
    if inspect.isclass(f) and issubclass(f, _udf.UserDefinedFunction):
        raise LookupError("'%s' is a class: give SQL what udf(%s(), result_type=...) makes" % (name, attr))
    if not isinstance(f, _udf.UserDefinedFunctionWrapper):
        raise LookupError("'%s' is no user function: decorate it with @udf(result_type=...), @udtf or @udaf of pyflink.table.udf" % name)
    return f


def describe(req):
    f = find(req)
    fn = f.method()
    out = {
        "kind": f.kind, "deterministic": f.is_deterministic(), "func_type": f.func_type,
        "result": f.result_text(), "columns": f.result_names(), "inputs": f.input_texts(), "state": f.state_text(),
        "retracts": f.has("retract"), "merges": f.has("merge"),
    }
    names, least, most = [], 0, 0
    try:
        params = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        params = None
    if params is None:
        out["least"], out["most"] = 0, -1
    else:
        if f.kind == "AGGREGATE":
            params = params[1:]
        for p in params:
            if p.kind is p.VAR_POSITIONAL:
                most = -1
            elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                names.append(p.name)
                if p.default is p.empty:
                    least += 1
                if most >= 0:
                    most += 1
        out["least"], out["most"], out["names"] = least, most, names
    return out


class Function:
    def __init__(self, req):
        w = find(req)
        zone = zone_of(req["zone"])
        self.params = [zoned(t, zone) for t in req["params"]]
        self.results = [zoned(t, zone) for t in req["results"]]
        self.object, self.eval = w.instance(_udf.FunctionContext(req.get("name", "")))


def call(f, src):
    n = src.u32()
    args = [read(src, t, n) for t in f.params]
    fn = f.eval
    i = 0
    try:
        if len(args) == 1:
            values = []
            for x in args[0]:
                values.append(fn(x))
                i += 1
        else:
            values = []
            for row in zip(*args) if args else ((),) * n:
                values.append(fn(*row))
                i += 1
    except Exception as e:
        raise Failed(i, e)
    out = []
    write(out, f.results[0], values)
    return out


def rows_of(result, width, i):
    """The rows that a table function gave for one row, as tuples."""
    if result is None:
        return
    if isinstance(result, (str, bytes, tuple)) or not hasattr(result, "__iter__"):
        result = (result,)
    for r in result:
        if isinstance(r, (Row, tuple, list)) and (width > 1 or len(r) == 1):
            if len(r) != width:
                raise Failed(i, ValueError("a row of %d values, and %d columns are declared" % (len(r), width)))
            yield tuple(r)
        elif width == 1:
            yield (r,)
        else:
            raise Failed(i, ValueError("the value %r is no row of %d columns" % (r, width)))


def table(f, src):
    n = src.u32()
    args = [read(src, t, n) for t in f.params]
    width = len(f.results)
    cols = [[] for _ in range(width)]
    owner, counts = [], []
    for i, row in enumerate(zip(*args) if args else ((),) * n):
        k = 0
        try:
            for r in rows_of(f.eval(*row), width, i):
                for c, x in zip(cols, r):
                    c.append(x)
                owner.append(i)
                k += 1
        except Failed:
            raise
        except Exception as e:
            raise Failed(i, e)
        counts.append(k)
    out = [struct.pack("<I", len(owner))]
    write_numbers(out, "I", counts)
    try:
        for t, c in zip(f.results, cols):
            write(out, t, c)
    except Failed as e:
        e.row = owner[e.row]
        raise
    return out


BYTES = {"k": "VARBINARY", "s": "BYTES"}


def load(f, b):
    return f.object.create_accumulator() if b is None else pickle.loads(b)


GONE = object()


def aggregate(f, src):
    n = src.u32()
    have = read(src, BYTES, n)
    steps = src.u32()
    base, other, ends = src.numbers("I", steps), src.numbers("i", steps), src.numbers("I", steps + 1)
    total = src.u32()
    back = bytes(src.take(total))
    args = [read(src, t, total) for t in f.params]
    rows = list(zip(*args)) if args else [()] * total
    add, retract = f.object.accumulate, f.object.retract
    want = src.take(1)[0]
    value = f.object.get_value
    merged = set(other)
    before, after = [None] * n, []
    if want:
        # Accumulators that no step begins with keep their values; the others are asked
        # before they change.
        for i in set(range(n)).difference(base, merged):
            before[i] = value(load(f, have[i]))
    made, packed = [], []
    for i in range(steps):
        k = ends[i]
        try:
            b = base[i] - n
            if b < 0:
                acc = load(f, have[base[i]])
                if want:
                    before[base[i]] = value(acc)
            else:
                # The object goes on to the first step that begins with it.
                acc = made[b]
                made[b] = GONE
                if acc is GONE:
                    acc = pickle.loads(packed[b])
            if other[i] >= 0:
                f.object.merge(acc, [load(f, have[other[i]])])
            while k < ends[i + 1]:
                (retract if back[k] else add)(acc, *rows[k])
                k += 1
            made.append(acc)
            packed.append(pickle.dumps(acc, 4))
            if want:
                after.append(value(acc))
        except Exception as e:
            raise Failed(min(k, ends[i + 1] - 1) if ends[i + 1] > ends[i] else 0xFFFFFFFF, e)
    out = []
    write(out, BYTES, packed)
    if want:
        write(out, f.results[0], before + after)
    return out


def value(f, src):
    n = src.u32()
    accs = [load(f, b) for b in read(src, BYTES, n)]
    values = []
    for i, a in enumerate(accs):
        try:
            values.append(f.object.get_value(a))
        except Exception as e:
            raise Failed(i, e)
    out = []
    write(out, f.results[0], values)
    return out


OPS = {b"C": call, b"T": table, b"A": aggregate, b"V": value}


def trace_of(e):
    """The traceback of e without the lines of this file."""
    tb = e.__traceback__
    frames = [f for f in traceback.extract_tb(tb) if not f.filename.startswith("<mink")]
    lines = traceback.format_list(frames) if frames else []
    if isinstance(e, SyntaxError):
        lines += traceback.format_exception_only(type(e), e)[:-1]
    return "".join(lines).rstrip("\n")


def answer(kind, src, functions):
    try:
        if kind == b"J":
            req = json.loads(bytes(src.data[src.at:]))
            if req["op"] == "describe":
                return [b"J", json.dumps(describe(req)).encode()]
            functions[req["id"]] = Function(req)
            return [b"J", b"{}"]
        f = functions[src.u32()]
        return [b"O"] + OPS[kind](f, src)
    except Failed as e:
        row, cause = e.row, e.cause
    except Exception as e:
        row, cause = 0xFFFFFFFF, e
    text = "%s: %s" % (type(cause).__name__, cause)
    message = text.encode("utf-8", "replace")
    return [b"E", struct.pack("<II", row, len(message)), message, trace_of(cause).encode("utf-8", "replace")]


def main():
    # What functions print goes to stderr, and they read no input of ours.
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb", 1 << 16)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    functions = {}
    while True:
        head = source.read(4)
        if len(head) < 4:
            break
        size = struct.unpack("<I", head)[0]
        body = source.read(size)
        if len(body) < size:
            break
        parts = answer(body[:1], Input(memoryview(body), 1), functions)
        sink.write(struct.pack("<I", sum(len(p) for p in parts)))
        for p in parts:
            sink.write(p)
        sink.flush()
    for f in functions.values():
        f.object.close()
