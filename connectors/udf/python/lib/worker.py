# The worker that runs user functions for mink. It needs the standard library alone;
# where pyarrow is there, columns come and go as Arrow.
#
# Frames on stdin and stdout: a length in 4 bytes, then a byte that says what it is,
# then the rest. All numbers are little endian.
#
#   J  request: JSON; answer: J with JSON
#   C  request: function (4 bytes), rows (4), one column an argument;
#      answer: O or R and one column, or E with the row (4), the length of the message
#      (4), message and traceback
#   T  the same for a table function; answer: O or R, rows (4), the number of rows of
#      each input row (4 each), one column a result
#   A  aggregate: function (4), a number of accumulators (4) and them (as bytes, NULL
#      for a new one), steps (4); the accumulator each step begins with (4 each; from
#      the number on: that of a step before), the one it merges (4 each, -1 for none),
#      its first row (4 each, and the end); rows (4), 1 for each that is taken back (1
#      each), one column an argument, 1 if values are wanted (1); answer: O or R, the
#      accumulators of the steps, and, if wanted, the values of all accumulators, new
#      ones behind
#   V  values: function, groups, accumulators; answer: O or R and one column
#   P  values of a pandas aggregate: function, groups (4), the first row of each (4
#      each, and the end), one column an argument; answer: R and one column
#
# columns.py says how columns lie, and arrow.py how they do in a function whose open
# was answered with arrow. An answer with R has its columns in Arrow's form. The
# accumulators of A and V never are.
import asyncio
import importlib
import importlib.util
import inspect
import json
import os
import pickle
import struct
import sys
import traceback

import mink_columns as columns
import mink_setup as setup
from mink_columns import BYTES, PLAIN, Failed, Input
from pyflink.common import Row
from pyflink.table import udf as _udf


def find(req):
    """The user function that 'module.name' means."""
    setup.prepare(req)
    name = req["function"]
    module, dot, attr = name.rpartition(".")
    if not dot:
        raise LookupError("'%s' is not 'module.function'" % name)
    f = importlib.import_module(module)
    if not hasattr(f, attr):
        near = sorted(n for n, v in vars(f).items() if isinstance(v, _udf.UserDefinedFunctionWrapper))
        raise LookupError("module %s has no '%s'; its functions are: %s" % (module, attr, ", ".join(near) or "none"))
    f = getattr(f, attr)
    made = "udf"
    for base, how in ((_udf.TableAggregateFunction, "udtaf"), (_udf.AggregateFunction, "udaf"), (_udf.TableFunction, "udtf")):
        if isinstance(f, base) or inspect.isclass(f) and issubclass(f, base):
            made = how
            break
    if inspect.isclass(f) and issubclass(f, _udf.UserDefinedFunction):
        raise LookupError("'%s' is a class: give SQL what %s(%s(), result_type=...) makes" % (name, made, attr))
    if isinstance(f, _udf.UserDefinedFunction):
        raise LookupError("'%s' is an object that SQL knows no types of: give it what %s(%s, result_type=...) makes" % (name, made, attr))
    if not isinstance(f, _udf.UserDefinedFunctionWrapper):
        raise LookupError("'%s' is no user function: decorate it with @udf(result_type=...), @udtf or @udaf of pyflink.table.udf" % name)
    return f


def lacks(*packages):
    return [p for p in packages if importlib.util.find_spec(p) is None]


def describe(req):
    f = find(req)
    if f.kind == "TABLE_AGGREGATE":
        raise LookupError("'%s' is a table aggregate function, which SQL has no call for: it is one of the Table API" % req["function"])
    if f.func_type == "pandas":
        missing = lacks("pandas", "pyarrow")
        if missing:
            raise LookupError("func_type='pandas' needs %s, which this Python lacks: %s -m pip install pandas pyarrow, or SET 'python.executable' to one that has them"
                              % (" and ".join(missing), sys.executable or "python3"))
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
        if f.takes_accumulator():
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
        zone = setup.zone_of(req["zone"])
        self.name = req.get("name", "")
        self.params = [columns.zoned(t, zone) for t in req["params"]]
        self.results = [columns.zoned(t, zone) for t in req["results"]]
        self.object, self.eval = w.instance(_udf.FunctionContext(self.name, req.get("parameters")))
        self.together = int(req.get("together") or 10)
        self.arrow = None
        if w.func_type == "pandas" or req.get("arrow") and not lacks("pyarrow"):
            import mink_arrow
            self.arrow = mink_arrow
        if w.func_type == "pandas" and w.kind == "SCALAR":
            self.call = series
        elif w.asynchronous():
            self.call = together
        else:
            self.call = scalar

    def args(self, src, n):
        """The columns of arguments, as lists."""
        if not self.params:
            return []
        if self.arrow:
            b = self.arrow.batch(src)
            return [self.arrow.read(c, t) for c, t in zip(b.columns, self.params)]
        return [columns.read(src, t, n) for t in self.params]

    def give(self, before, cols):
        """The answer: pieces, then columns of results."""
        if self.arrow:
            arrays = [columns.write(self.arrow.ARROW, t, c) for t, c in zip(self.results, cols)]
            return [b"R"] + before + self.arrow.stream(arrays)
        out = [b"O"] + before
        for t, c in zip(self.results, cols):
            out += columns.write(PLAIN, t, c)
        return out


def scalar(f, src):
    n = src.u32()
    args = f.args(src, n)
    fn = f.eval
    values = []
    add = values.append
    try:
        if len(args) == 1:
            for x in args[0]:
                add(fn(x))
        else:
            for row in zip(*args) if args else ((),) * n:
                add(fn(*row))
    except Exception as e:
        raise Failed(len(values), e)
    return f.give([], [values])


def together(f, src):
    """Calls of an asynchronous function, so many at a time."""
    n = src.u32()
    args = f.args(src, n)
    at = [0]

    async def run():
        room = asyncio.Semaphore(f.together)

        async def one(i, row):
            async with room:
                try:
                    return await f.eval(*row)
                except Exception as e:
                    raise Failed(i, e)
        return await asyncio.gather(*[one(i, row) for i, row in enumerate(zip(*args) if args else ((),) * n)])

    return f.give([], [asyncio.run(run())])


def series(f, src):
    """A call with Series for a Series."""
    import pandas as pd
    n = src.u32()
    args = [f.arrow.series(c, t) for c, t in zip(f.arrow.batch(src).columns, f.params)] if f.params else []
    got = f.eval(*args)
    if not isinstance(got, (pd.Series, pd.DataFrame)):
        raise TypeError("a function with func_type='pandas' gives a Series or a DataFrame, and %s gave %s" % (f.name, type(got).__name__))
    if len(got) != n:
        raise ValueError("%s gave %d values for %d rows" % (f.name, len(got), n))
    return [b"R"] + f.arrow.stream([f.arrow.from_series(got, f.results[0], f.name)])


def groups(f, src):
    """The values of a pandas aggregate, one for each group of rows."""
    n = src.u32()
    ends = src.numbers("I", n + 1)
    cols = f.arrow.batch(src).columns if f.params else []
    values = []
    kind = f.results[0]["k"]
    for i in range(n):
        args = [f.arrow.series(c.slice(ends[i], ends[i + 1] - ends[i]), t) for c, t in zip(cols, f.params)]
        try:
            x = f.arrow.value(f.eval(*args))
            if isinstance(x, float) and kind in columns.RANGES and x.is_integer():
                x = int(x)  # of a Series with NULLs, whose numbers are floats
            values.append(x)
        except Exception as e:
            raise Failed(i, e)
    return f.give([], [values])


def rows_of(result, width, i):
    """The rows that a table function gave for one row, as tuples."""
    if result is None:
        return
    if isinstance(result, (str, bytes, bytearray, tuple, dict, Row)) or not hasattr(result, "__iter__"):
        result = (result,)
    for r in result:
        if isinstance(r, (Row, tuple)) or width > 1 and isinstance(r, list):
            if len(r) != width:
                raise Failed(i, ValueError("a row of %d values, and %d columns are declared" % (len(r), width)))
            yield tuple(r)
        elif width == 1:
            yield (r,)
        else:
            raise Failed(i, ValueError("the value %r is no row of %d columns" % (r, width)))


def table(f, src):
    n = src.u32()
    args = f.args(src, n)
    width = len(f.results)
    cols = [[] for _ in range(width)]
    owner, counts = [], []
    for i, row in enumerate(zip(*args) if args else ((),) * n):
        k = 0
        try:
            for r in rows_of(f.eval(*row), width, i):
                for c, x in zip(cols, r):
                    c.append(x)
                k += 1
        except Failed:
            raise
        except Exception as e:
            raise Failed(i, e)
        counts.append(k)
        owner.extend([i] * k)
    try:
        return f.give([struct.pack("<%dI" % (n + 1), len(owner), *counts)], cols)
    except Failed as e:
        e.row = owner[e.row]
        raise


def load(f, b):
    return f.object.create_accumulator() if b is None else pickle.loads(b)


GONE = object()


def aggregate(f, src):
    n = src.u32()
    have = columns.read(src, BYTES, n)
    steps = src.u32()
    base, other, ends = src.numbers("I", steps), src.numbers("i", steps), src.numbers("I", steps + 1)
    total = src.u32()
    back = bytes(src.take(total))
    args = f.args(src, total)
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
    accs = columns.write(PLAIN, BYTES, packed)
    return f.give(accs, [before + after]) if want else [b"O"] + accs


def value(f, src):
    n = src.u32()
    accs = [load(f, b) for b in columns.read(src, BYTES, n)]
    values = []
    for i, a in enumerate(accs):
        try:
            values.append(f.object.get_value(a))
        except Exception as e:
            raise Failed(i, e)
    return f.give([], [values])


OPS = {b"C": lambda f, src: f.call(f, src), b"T": table, b"A": aggregate, b"V": value, b"P": groups}


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
            f = functions[req["id"]] = Function(req)
            return [b"J", json.dumps({"arrow": f.arrow is not None}).encode()]
        return OPS[kind](functions[src.u32()], src)
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
    setup.clean()
