# Starts the worker: puts mink's modules under their names and runs it. The sources
# come as JSON in the first argument, so that nothing is written to disk.
import json
import sys
import types

SOURCES = json.loads(sys.argv[1])


def put(name, text="", package=False, **also):
    m = types.ModuleType(name)
    if package:
        m.__path__ = []
    sys.modules[name] = m
    exec(compile(text, "<mink " + name + ">", "exec"), m.__dict__)
    m.__dict__.update(also)
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, m)
    return m


put("pyflink", package=True)
common = put("pyflink.common", SOURCES["common"], package=True)
put("pyflink.common.types", Row=common.Row, RowKind=common.RowKind)
table = put("pyflink.table", package=True)
data = put("pyflink.table.types", SOURCES["types"])
udf = put("pyflink.table.udf", SOURCES["udf"])
for name in ("udf", "udtf", "udaf", "udtaf", "ScalarFunction", "TableFunction", "AggregateFunction", "TableAggregateFunction",
             "FunctionContext", "UserDefinedFunction"):
    if name not in ("udf",):
        setattr(table, name, getattr(udf, name))
table.DataTypes, table.Row, table.RowKind = data.DataTypes, common.Row, common.RowKind
sys.argv = ["mink-worker"]
worker = put("mink_worker", SOURCES["worker"])
worker.main()
