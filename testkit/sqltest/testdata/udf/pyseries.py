"""Functions over Series of the SQL tests, and others that PyFlink knows. The file runs on Flink as it is."""
import asyncio
import datetime
import decimal
import functools

from pyflink.common import Row
from pyflink.table import AggregateFunction, AsyncScalarFunction, DataTypes, ListView, MapView, ScalarFunction, TableAggregateFunction
from pyflink.table.udf import udaf, udf, udtaf, udtf


@udf(result_type=DataTypes.BIGINT(), func_type="pandas")
def add(i, j):
    return i + j


@udf(result_type="STRING", func_type="pandas")
def kind(s):
    return s.map(lambda x: type(x).__name__)


dtype = udf(lambda s: s.map(lambda x: str(s.dtype)), result_type="STRING", func_type="pandas")
size = udf(lambda s: s.map(lambda x: len(s)), result_type="INT", func_type="pandas")
same = {t: udf(lambda s: s, result_type=t, func_type="pandas") for t in (
    "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10, 2)", "STRING", "CHAR(3)", "BYTES", "DATE", "TIME",
    "TIMESTAMP(3)", "TIMESTAMP(9)", "TIMESTAMP_LTZ(3)", "ARRAY<INT>", "ROW<a INT, b STRING>")}
same_boolean, same_tinyint, same_smallint, same_int, same_bigint = [same[t] for t in ("BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT")]
same_float, same_double, same_decimal, same_string, same_char = [same[t] for t in ("FLOAT", "DOUBLE", "DECIMAL(10, 2)", "STRING", "CHAR(3)")]
same_bytes, same_date, same_time, same_timestamp, same_nanos = [same[t] for t in ("BYTES", "DATE", "TIME", "TIMESTAMP(3)", "TIMESTAMP(9)")]
same_local, same_array, same_row = [same[t] for t in ("TIMESTAMP_LTZ(3)", "ARRAY<INT>", "ROW<a INT, b STRING>")]


@udf(result_type="INT", func_type="pandas")
def hour(s):
    return s.dt.hour


@udf(result_type="INT", func_type="pandas")
def shorter(s):
    return s[1:]


@udf(result_type="INT", func_type="pandas")
def no_series(s):
    return 1


@udf(result_type="INT", func_type="pandas")
def worse(s):
    return s / 0 if s.sum() < 0 else s.nope


@udf(result_type="MAP<STRING, INT>", func_type="pandas")
def mapped(s):
    return s


@udaf(result_type=DataTypes.FLOAT(), func_type="pandas")
def mean(v):
    return v.mean()


class MaxAdd(AggregateFunction):
    def open(self, function_context):
        self.counter = function_context.get_metric_group().add_group("key", "value").counter("calls")

    def create_accumulator(self):
        return []

    def accumulate(self, accumulator, *args):
        accumulator.append(sum(a.max() for a in args))

    def get_value(self, accumulator):
        self.counter.inc()
        return accumulator[0]


max_add = udaf(MaxAdd(), result_type=DataTypes.BIGINT(), func_type="pandas")
joined = udaf(lambda s: ",".join(s), result_type="STRING", func_type="pandas")


def more(i, k):
    return i.max() + k


max_one = udaf(functools.partial(more, k=1), result_type=DataTypes.BIGINT(), func_type="pandas")
as_map = udaf(lambda s: {}, result_type="MAP<INT, INT>", func_type="pandas")


class Words(AggregateFunction):
    """A list and a map that grow with the rows."""

    def create_accumulator(self):
        return Row(ListView(), MapView(), "")

    def accumulate(self, acc, word, sep):
        acc[2] = sep
        if word is None:
            acc[0].clear()
            acc[1].clear()
            return
        acc[0].add(word)
        acc[1][word] = acc[1][word] + 1 if word in acc[1] else 1

    def retract(self, acc, word, sep):
        left = list(acc[0])
        left.remove(word)
        acc[0].clear()
        acc[0].add_all(left)
        acc[1].put(word, acc[1].get(word) - 1)
        if acc[1].get(word) == 0:
            acc[1].remove(word)

    def get_value(self, acc):
        if acc[1].is_empty():
            return None
        return acc[2].join(acc[0]) + " " + str(sorted(acc[1].items()))

    def get_result_type(self):
        return DataTypes.STRING()

    def get_accumulator_type(self):
        return DataTypes.ROW([
            DataTypes.FIELD("words", DataTypes.LIST_VIEW(DataTypes.STRING())),
            DataTypes.FIELD("counts", DataTypes.MAP_VIEW(DataTypes.STRING(), DataTypes.BIGINT())),
            DataTypes.FIELD("sep", DataTypes.STRING())])


words = udaf(Words())


class Later(AsyncScalarFunction):
    async def eval(self, x):
        await asyncio.sleep(0.01 if x == 1 else 0)
        if x == 13:
            raise ValueError("no %d" % x)
        return None if x is None else 2 * x


later = udf(Later(), result_type=DataTypes.INT())


@udf(result_type=DataTypes.STRING())
async def soon(s):
    return s + "?"


class Configured(ScalarFunction):
    def open(self, function_context):
        self.greeting = function_context.get_job_parameter("greeting", "hello")
        self.meter = function_context.get_metric_group().meter("calls")
        self.seen = function_context.get_metric_group().distribution("seen")

    def eval(self, name):
        self.meter.mark_event()
        self.seen.update(len(name))
        return "%s, %s" % (self.greeting, name)


configured = udf(Configured(), result_type=DataTypes.STRING())


class Random(ScalarFunction):
    def is_deterministic(self):
        return False

    def eval(self):
        return 4


chance = udf(Random(), result_type=DataTypes.INT())


@udf(input_types=DataTypes.ROW([DataTypes.FIELD("a", DataTypes.INT()), DataTypes.FIELD("b", DataTypes.INT())]), result_type=DataTypes.INT())
def by_fields(a, b):
    return a - b


@udf(result_type=DataTypes.INTERVAL(DataTypes.DAY(), DataTypes.SECOND(3)))
def gap(a, b):
    return b - a


@udf(result_type=DataTypes.INTERVAL(DataTypes.YEAR(), DataTypes.MONTH()))
def months(n):
    return n


@udf(result_type=DataTypes.STRING())
def see(x):
    return repr(x)


@udf(result_type=DataTypes.MULTISET(DataTypes.STRING()))
def letters(s):
    return list(s)


@udf(result_type=DataTypes.ROW([DataTypes.FIELD("d", DataTypes.DECIMAL(10, 2)), DataTypes.FIELD("t", DataTypes.TIMESTAMP_LTZ(3))]))
def pack(d, t):
    assert isinstance(d, decimal.Decimal) and isinstance(t, datetime.datetime)
    return Row(d * 2, t + datetime.timedelta(hours=1))


@udf(result_type=DataTypes.CHAR(3))
def three(s):
    return s


@udtf(result_types=DataTypes.ARRAY(DataTypes.INT()))
def lists(n):
    yield [n]
    yield [n, n]


class Top2(TableAggregateFunction):
    def create_accumulator(self):
        return []

    def accumulate(self, acc, v):
        acc.append(v)

    def emit_value(self, acc):
        yield from sorted(acc)[-2:]


top2 = udtaf(Top2(), result_type=DataTypes.INT(), accumulator_type=DataTypes.ARRAY(DataTypes.INT()))
bare = Configured()
