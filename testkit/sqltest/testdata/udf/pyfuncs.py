"""User functions of the SQL tests. The file runs on Flink as it is."""
import datetime
import decimal
import os
import sys
import time

from pyflink.common import Row
from pyflink.table import DataTypes
from pyflink.table.udf import AggregateFunction, ScalarFunction, TableFunction, udaf, udf, udtf


@udf(result_type=DataTypes.BIGINT())
def add(i, j):
    return None if i is None or j is None else i + j


@udf(input_types=[DataTypes.BIGINT(), DataTypes.STRING()], result_type="STRING")
def label(n, s):
    print("what is printed does no harm")
    return "%s-%s" % (n, s)


shout = udf(lambda s: s.upper() + "!" if s is not None else None, result_type=DataTypes.STRING())


class Scale(ScalarFunction):
    def __init__(self, factor):
        self.factor = factor

    def open(self, function_context):
        self.opened = True

    def eval(self, x, plus=0):
        assert self.opened
        return x * self.factor + plus


scale = udf(Scale(3), result_type=DataTypes.INT())


@udf(result_type=DataTypes.STRING())
def kinds(*args):
    return ",".join(type(a).__name__ for a in args)


@udf(result_type=DataTypes.STRING())
def show(x):
    return repr(x)


@udf(result_type="DECIMAL(10, 2)")
def price(d):
    return d * decimal.Decimal("1.005")


@udf(result_type=DataTypes.DATE())
def next_day(d):
    return d + datetime.timedelta(days=1)


@udf(result_type=DataTypes.TIMESTAMP(3))
def next_hour(t):
    return t + datetime.timedelta(hours=1)


@udf(result_type=DataTypes.TIME())
def noon():
    return datetime.time(12, 30, 15)


@udf(result_type=DataTypes.ARRAY(DataTypes.INT()))
def upto(n):
    return list(range(n)) + [None]


@udf(result_type=DataTypes.MAP(DataTypes.STRING(), DataTypes.INT()))
def lengths(words):
    return {w: len(w) for w in words}


@udf(result_type=DataTypes.ROW([DataTypes.FIELD("a", DataTypes.INT()), DataTypes.FIELD("b", DataTypes.STRING())]))
def swap(r):
    return Row(r.b, r.a) if r is not None else None


@udf(result_type=DataTypes.INT())
def total(items):
    return sum(i for i in items if i is not None)


@udf(result_type=DataTypes.BYTES())
def raw(s):
    return s.encode()


@udf(result_type=DataTypes.DOUBLE(), deterministic=False)
def chance():
    return 0.5


@udf(result_type=DataTypes.BOOLEAN())
def even(i):
    return None if i is None else i % 2 == 0


@udf(result_type=DataTypes.TINYINT())
def small(i):
    return i


@udf(result_type=DataTypes.INT())
def inverse(i):
    return 100 // i


@udf(result_type=DataTypes.INT())
def crash(i):
    sys.stderr.write("about to leave\n")
    sys.stderr.flush()
    os._exit(7)


@udf(result_type=DataTypes.INT())
def hang(i):
    time.sleep(60)


@udf(result_type=DataTypes.INT())
def wrong(i):
    return "text"


def plain(i):
    return i


@udtf(result_types=[DataTypes.STRING(), DataTypes.INT()])
def split(s, sep):
    if s is None:
        return
    for w in s.split(sep):
        yield w, len(w)


class Repeat(TableFunction):
    def eval(self, n):
        for i in range(n or 0):
            yield i


repeat = udtf(Repeat(), result_types=DataTypes.INT())


@udtf(result_types=DataTypes.ROW([DataTypes.FIELD("k", DataTypes.STRING()), DataTypes.FIELD("v", DataTypes.INT())]))
def pairs(m):
    return sorted(m.items())


@udtf(result_types=[DataTypes.INT()])
def fails(i):
    yield 1
    raise ValueError("no more of %d" % i)


class WeightedAverage(AggregateFunction):
    def create_accumulator(self):
        return Row(0, 0)

    def accumulate(self, acc, value, weight):
        if value is not None and weight is not None:
            acc[0] += value * weight
            acc[1] += weight

    def retract(self, acc, value, weight):
        if value is not None and weight is not None:
            acc[0] -= value * weight
            acc[1] -= weight

    def merge(self, acc, others):
        for o in others:
            acc[0] += o[0]
            acc[1] += o[1]

    def get_value(self, acc):
        return None if acc[1] == 0 else acc[0] // acc[1]

    def get_result_type(self):
        return DataTypes.BIGINT()

    def get_accumulator_type(self):
        return DataTypes.ROW([DataTypes.FIELD("s", DataTypes.BIGINT()), DataTypes.FIELD("w", DataTypes.BIGINT())])


weighted = udaf(WeightedAverage())
