# pyflink.common: what user functions use of it.
from enum import Enum


class RowKind(Enum):
    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3


class Row:
    """A row: fields by position, and by name when it has names."""

    def __init__(self, *args, **kwargs):
        if args and kwargs:
            raise ValueError("a Row takes values or named values, not both")
        self._row_kind = RowKind.INSERT
        self._values = list(kwargs.values()) if kwargs else list(args)
        self._fields = list(kwargs) if kwargs else None

    def set_field_names(self, names):
        self._fields = list(names)

    def get_field_names(self):
        return self._fields

    def get_row_kind(self):
        return self._row_kind

    def set_row_kind(self, kind):
        self._row_kind = kind

    def _index(self, key):
        if isinstance(key, str):
            if not self._fields or key not in self._fields:
                raise ValueError("no field %r in %r" % (key, self))
            return self._fields.index(key)
        return key

    def __getitem__(self, key):
        return self._values[self._index(key)]

    def __setitem__(self, key, value):
        self._values[self._index(key)] = value

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except ValueError:
            raise AttributeError(name)

    def as_dict(self, recursive=False):
        if not self._fields:
            raise TypeError("a Row without names is no dict")
        return {n: v.as_dict(True) if recursive and isinstance(v, Row) else v for n, v in zip(self._fields, self._values)}

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return iter(self._values)

    def __contains__(self, value):
        return value in self._values

    def __eq__(self, other):
        return isinstance(other, Row) and self._values == other._values and self._row_kind == other._row_kind

    def __hash__(self):
        return hash(tuple(self._values))

    def __repr__(self):
        if self._fields:
            return "Row(%s)" % ", ".join("%s=%r" % p for p in zip(self._fields, self._values))
        return "Row(%s)" % ", ".join(repr(v) for v in self._values)

    def __getstate__(self):
        return (self._row_kind, self._values, self._fields)

    def __setstate__(self, state):
        self._row_kind, self._values, self._fields = state
