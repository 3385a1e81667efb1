"""Functions without a type of their result, which Flink refuses as the file is read."""
from pyflink.table.udf import udaf, udf

from pyaggs import Trail


@udf
def scalar(i):
    return i


aggregate = udaf(Trail())
