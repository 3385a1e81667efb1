"""Aggregate functions of the SQL tests. The file runs on Flink as it is."""
from pyflink.table import DataTypes
from pyflink.table.udf import AggregateFunction, udaf


class WeightedAverage(AggregateFunction):
    """Everything: retract and merge, types declared by the class."""

    def create_accumulator(self):
        return [0, 0]

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
        return DataTypes.ARRAY(DataTypes.BIGINT())


weighted = udaf(WeightedAverage())


class Trail(AggregateFunction):
    """In order, without retract and merge."""

    def create_accumulator(self):
        return []

    def accumulate(self, acc, text):
        if text == "bad":
            raise ValueError("a bad text")
        acc.append("-" if text is None else text)

    def get_value(self, acc):
        return ">".join(acc)


trail = udaf(Trail(), result_type=DataTypes.STRING(), accumulator_type=DataTypes.ARRAY(DataTypes.STRING()))


class Spread(AggregateFunction):
    """Values with their counts, in a dict; any number of arguments."""

    def create_accumulator(self):
        return {}

    def accumulate(self, acc, *values):
        for v in values:
            acc[v] = acc.get(v, 0) + 1

    def retract(self, acc, *values):
        for v in values:
            acc[v] -= 1
            if acc[v] == 0:
                del acc[v]

    def merge(self, acc, others):
        for o in others:
            for v, n in o.items():
                acc[v] = acc.get(v, 0) + n

    def get_value(self, acc):
        return [min(acc), max(acc)] if acc else None


spread = udaf(Spread(), result_type=DataTypes.ARRAY(DataTypes.INT()), accumulator_type=DataTypes.MAP(DataTypes.INT(), DataTypes.BIGINT()))


class Wrong(Trail):
    def get_value(self, acc):
        return 1


wrong = udaf(Wrong(), result_type=DataTypes.STRING(), accumulator_type=DataTypes.ARRAY(DataTypes.STRING()))
narrow = udaf(WeightedAverage(), input_types=[DataTypes.INT(), DataTypes.INT()])
