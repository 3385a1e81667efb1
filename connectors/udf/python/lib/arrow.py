# Columns as Arrow: the form that is used where pyarrow is there. A frame has an Arrow
# IPC stream of one record batch, after its length in 4 bytes. Decimals of results are
# text, so that they are rounded in one place.
import struct

import pyarrow as pa
from mink_columns import EPOCH, MICRO, UTC, counted, decimals, local, packed, rows, write

TYPES = {
    "BOOLEAN": pa.bool_(), "TINYINT": pa.int8(), "SMALLINT": pa.int16(), "INT": pa.int32(), "BIGINT": pa.int64(),
    "FLOAT": pa.float32(), "DOUBLE": pa.float64(), "CHAR": pa.string(), "VARCHAR": pa.string(),
    "BINARY": pa.binary(), "VARBINARY": pa.binary(), "DECIMAL": pa.string(), "DATE": pa.date32(), "TIME": pa.time32("ms"),
    "TIMESTAMP": pa.timestamp("us"), "TIMESTAMP_LTZ": pa.timestamp("us", "UTC"), "INTERVAL_YM": pa.int32(), "INTERVAL_DT": pa.duration("ms"),
}


def type_of(t):
    """The Arrow type of results of a type."""
    kind = t["k"]
    if kind == "ARRAY":
        return pa.list_(type_of(t["e"]))
    if kind in ("MAP", "MULTISET"):
        return pa.map_(type_of(t["key"]), type_of(t["e"]))
    if kind == "ROW":
        return pa.struct([pa.field(n, type_of(f)) for n, f in zip(t["n"], t["f"])])
    return TYPES[kind]


def batch(src):
    """The record batch that comes next."""
    size = src.u32()
    return pa.ipc.open_stream(pa.py_buffer(src.take(size))).read_next_batch()


def listed(a):
    """An array of numbers of days or of time as a list; numpy is faster where it is."""
    try:
        return a.to_numpy(zero_copy_only=False).tolist()
    except ImportError:
        return a.to_pylist()


def instants(a):
    """Times without a zone."""
    if a.type.unit == "ns":
        return [None if x is None else EPOCH + (x // 1000) * MICRO for x in a.cast(pa.int64()).to_pylist()]
    return listed(a.cast(pa.timestamp("us")))


def read(a, t):
    """The values of an array."""
    kind = t["k"]
    if kind == "DATE":
        return listed(a)
    if kind == "TIMESTAMP":
        return instants(a)
    if kind == "TIMESTAMP_LTZ":
        at = local(t["zone"])
        return [None if x is None else at(x) for x in instants(a.cast(pa.timestamp(a.type.unit)))]
    if kind == "ARRAY":
        offs, e = a.offsets.to_pylist(), read(a.values, t["e"])
        v = [e[i:j] for i, j in zip(offs, offs[1:])]
    elif kind in ("MAP", "MULTISET"):
        offs, k, e = a.offsets.to_pylist(), read(a.keys, t["key"]), read(a.items, t["e"])
        join = (lambda x, y: dict(zip(x, y))) if kind == "MAP" else counted
        v = [join(k[i:j], e[i:j]) for i, j in zip(offs, offs[1:])]
    elif kind == "ROW":
        v = rows(t["n"], [read(a.field(i), f) for i, f in enumerate(t["f"])], len(a))
    else:
        return a.to_pylist()
    if a.null_count:
        v = [x if ok else None for x, ok in zip(v, a.is_valid().to_pylist())]
    return v


class Arrow:
    """The form of Arrow arrays."""

    def valid(self, v):
        if None not in v:
            return None
        return pa.array([x is not None for x in v], pa.bool_()).buffers()[1]

    def numbers(self, kind, a, v):
        return pa.Array.from_buffers(TYPES[kind], len(v), [self.valid(v), pa.py_buffer(a.tobytes())])

    def bools(self, v):
        return pa.array(v, pa.bool_())

    def texts(self, v):
        return pa.array(v, pa.string())

    def bytes(self, v):
        return pa.array(v, pa.binary())

    def list(self, t, offs, kids, v):
        offs = pa.py_buffer(offs.tobytes())
        if t["k"] == "ARRAY":
            return pa.Array.from_buffers(type_of(t), len(v), [self.valid(v), offs], children=kids)
        pairs = pa.StructArray.from_arrays(kids, fields=[pa.field("key", kids[0].type, False), pa.field("value", kids[1].type)])
        return pa.Array.from_buffers(type_of(t), len(v), [self.valid(v), offs], children=[pairs])

    def row(self, t, kids, v):
        return pa.Array.from_buffers(type_of(t), len(v), [self.valid(v)], children=kids)


ARROW = Arrow()


def stream(arrays):
    """The pieces of a frame with a record batch of arrays."""
    rb = pa.record_batch(arrays, names=["c%d" % i for i in range(len(arrays))])
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, rb.schema) as w:
        w.write_batch(rb)
    b = out.getvalue()
    return [struct.pack("<I", b.size), b]


def series(a, t):
    """A pandas Series of an array; of rows, a DataFrame of their fields."""
    kind = t["k"]
    if kind == "ROW":
        import pandas as pd
        return pd.concat([series(c, f).rename(n) for c, f, n in zip(a.flatten(), t["f"], t["n"])], axis=1)
    s = a.to_pandas(date_as_object=True)
    if kind == "TIMESTAMP_LTZ":
        s = s.dt.tz_convert(t["zone"])
    return s


PLAIN_SERIES = ("BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "CHAR", "VARCHAR", "BINARY", "VARBINARY",
                "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ")


def from_series(s, t, name):
    """An array of the values of a Series or DataFrame; what pandas takes as missing is NULL."""
    import pandas as pd
    kind = t["k"]
    if isinstance(s, pd.DataFrame):
        if kind != "ROW" or len(s.columns) != len(t["f"]):
            raise TypeError("%s gave a DataFrame of %d columns, which is no %s" % (name, len(s.columns), t["s"]))
        cols = [from_series(s.iloc[:, i], f, name) for i, f in enumerate(t["f"])]
        return pa.Array.from_buffers(type_of(t), len(s), [None], children=cols)
    if kind in PLAIN_SERIES:
        if kind in ("TIMESTAMP", "TIMESTAMP_LTZ") and isinstance(s.dtype, pd.DatetimeTZDtype):
            s = s.dt.tz_convert("UTC")
            s = s if kind == "TIMESTAMP_LTZ" else s.dt.tz_localize(None)
        elif kind == "TIMESTAMP_LTZ" and s.dtype.kind == "M":
            s = s.dt.tz_localize(t["zone"]).dt.tz_convert("UTC")
        to = TYPES[kind]
        if kind in ("TIMESTAMP", "TIMESTAMP_LTZ") and "[ns" in str(s.dtype):
            to = pa.timestamp("ns", to.tz)
        safe = kind not in ("TIMESTAMP", "TIMESTAMP_LTZ", "TIME")
        try:
            if not isinstance(s.dtype, pd.api.extensions.ExtensionDtype):
                return pa.Array.from_pandas(s, mask=s.isnull(), type=to, safe=safe)
            a = pa.array(s, from_pandas=True)
            a = a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a
            return a if a.type == to else a.cast(to, safe=safe)
        except pa.ArrowException as e:
            raise TypeError("the result of %s, a Series of %s, is no %s: %s" % (name, s.dtype, t["s"], e))
    return write(ARROW, t, [value(x) for x in s.tolist()])


def value(x):
    """A value of pandas as one of Python: None for what it takes as missing."""
    import pandas as pd
    if hasattr(x, "tolist"):  # arrays and numbers of numpy
        x = x.tolist()
    if isinstance(x, (list, tuple)):
        return [value(y) for y in x]
    if isinstance(x, dict):
        return {k: value(y) for k, y in x.items()}
    if pd.api.types.is_scalar(x) and pd.isna(x):
        return None
    return x
