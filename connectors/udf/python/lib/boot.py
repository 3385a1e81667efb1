# Starts the worker: puts mink's modules under their names and runs it. The sources
# come as JSON in the first argument, so that nothing is written to disk.
import json
import sys
import types

SOURCES = json.loads(sys.argv[1])


def put(name, source="", package=False, **also):
    m = types.ModuleType(name)
    m.__dict__.update(also)
    if package:
        m.__path__ = []
    sys.modules[name] = m
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, m)
    if source:
        load(m, source)
    return m


def load(m, source):
    exec(compile(SOURCES[source], "<mink " + m.__name__ + ">", "exec"), m.__dict__)


class Late:
    """Finds a module that is loaded when it is asked for."""

    def __init__(self, name, source):
        self.name, self.source = name, source

    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, self)

    def create_module(self, spec):
        return None

    def exec_module(self, m):
        load(m, self.source)


class Absent:
    """Stands for what PyFlink has and a function has no use of, so that a file that imports it can be read."""

    def __init__(self, name):
        self.__name__ = name

    def _refuse(self, *args, **kwargs):
        raise RuntimeError("%s is no part of what runs here: mink runs the functions of a file, and its jobs are SQL scripts" % self.__name__)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    __call__ = _refuse


put("pyflink", package=True)
common = put("pyflink.common", "common", package=True)
put("pyflink.common.types", Row=common.Row, RowKind=common.RowKind)
table = put("pyflink.table", package=True)
data = put("pyflink.table.types", "types")
udf = put("pyflink.table.udf", "udf")
views = put("pyflink.table.data_view", "data_view")
for name in ("ScalarFunction", "AsyncScalarFunction", "TableFunction", "AggregateFunction", "TableAggregateFunction", "FunctionContext"):
    setattr(table, name, getattr(udf, name))
for name in ("DataView", "ListView", "MapView"):
    setattr(table, name, getattr(views, name))
table.DataTypes, table.Row, table.RowKind = data.DataTypes, common.Row, common.RowKind
data.Row, data.RowKind = common.Row, common.RowKind
for name in ("TableEnvironment", "StreamTableEnvironment", "EnvironmentSettings", "Table", "StatementSet", "TableConfig", "TableDescriptor",
             "FormatDescriptor", "Schema", "Module", "ModuleEntry", "SqlDialect", "Expression", "TableSchema", "TableResult", "ChangelogMode",
             "ExplainDetail", "ResultKind", "CompiledPlan", "PlanReference", "TablePipeline", "GroupedTable", "OverWindowedTable", "UserDefinedType"):
    setattr(table, name, Absent(name))
sys.argv = ["mink-worker"]
put("mink_columns", "columns")
put("mink_setup", "setup")
sys.meta_path.append(Late("mink_arrow", "arrow"))
worker = put("mink_worker", "worker")
worker.main()
