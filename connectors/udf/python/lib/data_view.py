# pyflink.table.data_view: lists and maps of accumulators. They lie in the accumulator
# itself and are kept with it.


class DataView:
    def clear(self):
        raise NotImplementedError("clear")


class ListView(DataView):
    def __init__(self):
        self._list = []

    def get(self):
        return self._list

    def add(self, value):
        self._list.append(value)

    def add_all(self, values):
        self._list.extend(values)

    def clear(self):
        self._list = []

    def __iter__(self):
        return iter(self._list)

    def __eq__(self, other):
        return isinstance(other, ListView) and self._list == other._list

    def __hash__(self):
        return hash(tuple(self._list))


class MapView(DataView):
    def __init__(self):
        self._dict = {}

    def get(self, key):
        return self._dict[key]

    def put(self, key, value):
        self._dict[key] = value

    def put_all(self, dict_value):
        self._dict.update(dict_value)

    def remove(self, key):
        del self._dict[key]

    def contains(self, key):
        return key in self._dict

    def items(self):
        return self._dict.items()

    def keys(self):
        return self._dict.keys()

    def values(self):
        return self._dict.values()

    def is_empty(self):
        return not self._dict

    def clear(self):
        self._dict.clear()

    def __eq__(self, other):
        return isinstance(other, MapView) and self._dict == other._dict

    def __hash__(self):
        return hash(tuple(self._dict.items()))

    __getitem__, __setitem__, __delitem__, __contains__ = get, put, remove, contains

    def __iter__(self):
        return iter(self._dict)
