# pyflink.table.udf: functions, and the decorators that make them known to SQL.
import functools
import inspect

from pyflink.table.types import DataType, RowType, text


class FunctionContext:
    """What a function may ask of the job it runs in."""

    def __init__(self, name="", parameters=None):
        self._name, self._parameters = name, parameters or {}

    def get_metric_group(self):
        return _MetricGroup()

    def get_job_parameter(self, key, default_value):
        return self._parameters.get(key, default_value)

    def get_task_name(self):
        return self._name

    def get_task_name_with_subtasks(self):
        return self._name + " (1/1)"

    # A worker serves subtasks and plans alike, so that what a function gives cannot
    # depend on which one asks: each is the only one to it.
    def get_number_of_parallel_subtasks(self):
        return 1

    def get_max_number_of_parallel_subtasks(self):
        return 1

    def get_index_of_this_subtask(self):
        return 0

    def get_attempt_number(self):
        return 0


class _Metric:
    def __init__(self):
        self._count = 0

    def inc(self, n=1):
        self._count += n

    def dec(self, n=1):
        self._count -= n

    def get_count(self):
        return self._count

    def update(self, value):
        pass

    def mark_event(self, value=1):
        self._count += value


class _MetricGroup:
    """Metrics of a function are counted for itself alone."""

    def counter(self, name):
        return _Metric()

    def distribution(self, name):
        return _Metric()

    def meter(self, name, time_span_in_seconds=60):
        return _Metric()

    def gauge(self, name, obj):
        pass

    def add_group(self, name, extra=None):
        return self


class UserDefinedFunction:
    def open(self, function_context):
        pass

    def close(self):
        pass

    def is_deterministic(self):
        return True


class ScalarFunction(UserDefinedFunction):
    def eval(self, *args):
        raise NotImplementedError("eval")


class AsyncScalarFunction(UserDefinedFunction):
    async def eval(self, *args):
        raise NotImplementedError("eval")


class TableFunction(UserDefinedFunction):
    def eval(self, *args):
        raise NotImplementedError("eval")


class ImperativeAggregateFunction(UserDefinedFunction):
    def create_accumulator(self):
        raise NotImplementedError("create_accumulator")

    def accumulate(self, accumulator, *args):
        raise NotImplementedError("accumulate")

    def retract(self, accumulator, *args):
        raise RuntimeError("the function has no retract, and rows are taken back")

    def merge(self, accumulator, accumulators):
        raise RuntimeError("the function has no merge")

    def get_result_type(self):
        raise RuntimeError("Method get_result_type is not implemented")

    def get_accumulator_type(self):
        raise RuntimeError("Method get_accumulator_type is not implemented")


class AggregateFunction(ImperativeAggregateFunction):
    def get_value(self, accumulator):
        raise NotImplementedError("get_value")


class TableAggregateFunction(ImperativeAggregateFunction):
    def emit_value(self, accumulator):
        raise NotImplementedError("emit_value")


class _Delegate(UserDefinedFunction):
    """A plain callable in the place of a function object."""

    def __init__(self, f):
        self.eval = f


class UserDefinedFunctionWrapper:
    kind = "SCALAR"
    bases = (ScalarFunction, AsyncScalarFunction)

    def __init__(self, func, input_types, result, func_type, deterministic, name, state=None):
        if inspect.isclass(func) or not callable(func) and not isinstance(func, UserDefinedFunction):
            raise TypeError("a user function is a callable or an object of class %s, not %r" % (self.bases[0].__name__, func))
        self._func, self._result, self._state = func, result, state
        self.func_type = func_type
        if isinstance(input_types, RowType):
            input_types = input_types.field_types()
        elif isinstance(input_types, (DataType, str)):
            input_types = [input_types]
        self._inputs = None if input_types is None else list(input_types)
        for t in self._inputs or ():
            if not isinstance(t, (DataType, str)):
                raise TypeError("an input type is a DataType or its text, not %r" % (t,))
        self._name = name or getattr(func, "__name__", type(func).__name__)
        if isinstance(func, UserDefinedFunction):
            own = bool(func.is_deterministic())
            if deterministic is not None and bool(deterministic) != own:
                raise ValueError("deterministic=%s, and is_deterministic of the function says %s" % (deterministic, own))
            deterministic = own
        self._deterministic = deterministic is None or bool(deterministic)
        if hasattr(func, "__doc__"):
            functools.update_wrapper(self, func, updated=())

    def __call__(self, *args):
        """Calls the function itself, so that it can be tested as plain Python."""
        return self.method()(*args)

    def alias(self, *names):
        return self

    def function(self):
        f = self._func
        return f if isinstance(f, UserDefinedFunction) else _Delegate(f)

    def takes_accumulator(self):
        return False

    def method(self):
        return self.function().eval

    def has(self, name):
        own = getattr(type(self._func), name, None)
        return own is not None and own is not getattr(ImperativeAggregateFunction, name)

    def asynchronous(self):
        return inspect.iscoroutinefunction(self.method())

    def instance(self, context):
        f = self.function()
        f.open(context)
        return f, f.eval

    def is_deterministic(self):
        return self._deterministic

    def input_texts(self):
        return None if self._inputs is None else [text(t) for t in self._inputs]

    def result_text(self):
        if not isinstance(self._result, (DataType, str)):
            raise TypeError("%s declares no result_type" % self._name)
        return [text(self._result)]

    def result_names(self):
        return None

    def state_text(self):
        return None


class UserDefinedScalarFunctionWrapper(UserDefinedFunctionWrapper):
    def has(self, name):
        return False


class UserDefinedTableFunctionWrapper(UserDefinedFunctionWrapper):
    kind = "TABLE"
    bases = (TableFunction,)

    def has(self, name):
        return False

    def result_text(self):
        r = self._result
        if r is None:
            raise TypeError("%s declares no result_types" % self._name)
        if isinstance(r, RowType):
            return [text(t) for t in r.field_types()]
        return [text(t) for t in r] if isinstance(r, (list, tuple)) else [text(r)]

    def result_names(self):
        return self._result.field_names() if isinstance(self._result, RowType) else None


class UserDefinedAggregateFunctionWrapper(UserDefinedFunctionWrapper):
    kind = "AGGREGATE"
    bases = (AggregateFunction,)

    def takes_accumulator(self):
        return isinstance(self._func, ImperativeAggregateFunction)

    def method(self):
        return self._func.accumulate if self.takes_accumulator() else self._func

    def instance(self, context):
        f = self.function()
        f.open(context)
        if self.func_type == "general":
            return f, None
        if not self.takes_accumulator():
            return f, f.eval

        def whole(*args):
            acc = f.create_accumulator()
            f.accumulate(acc, *args)
            return f.get_value(acc)
        return f, whole

    def has(self, name):
        # All rows of a group are kept for a pandas function, so they can be taken back.
        return self.func_type == "pandas" or super().has(name)

    def result_text(self):
        r = self._result
        if r is None and self.takes_accumulator() and super().has("get_result_type"):
            r = self._func.get_result_type()
        if r is None:
            raise TypeError("%s declares no result type" % self._name)
        if self.func_type == "pandas" and text(r).upper().startswith("MAP"):
            raise TypeError("an aggregate with func_type='pandas' gives no MAP")
        return [text(r)]

    def state_text(self):
        s = self._state
        if s is None and self.takes_accumulator() and super().has("get_accumulator_type"):
            s = self._func.get_accumulator_type()
        return None if s is None else text(s)


class UserDefinedTableAggregateFunctionWrapper(UserDefinedAggregateFunctionWrapper):
    kind = "TABLE_AGGREGATE"
    bases = (TableAggregateFunction,)


def _make(wrapper, f, **given):
    if f is None:
        return lambda func: _make(wrapper, func, **given)
    if given["func_type"] not in ("general", "pandas"):
        raise ValueError("func_type is 'general' or 'pandas', not %r" % (given["func_type"],))
    if inspect.isclass(f):
        raise TypeError("give an object of class %s: %s()" % (f.__name__, f.__name__))
    base = wrapper.bases[0]
    if issubclass(base, ImperativeAggregateFunction) and given["func_type"] == "general" and not isinstance(f, base):
        raise TypeError("a function of this kind is an object of class %s, not %r" % (base.__name__, f))
    if given["func_type"] == "pandas" and inspect.iscoroutinefunction(getattr(f, "eval", f)):
        raise ValueError("an asynchronous function with func_type='pandas' is not possible")
    return wrapper(f, **given)


def udf(f=None, input_types=None, result_type=None, deterministic=None, name=None, func_type="general", udf_type=None):
    return _make(UserDefinedScalarFunctionWrapper, f, input_types=input_types, result=result_type,
                 func_type=udf_type or func_type, deterministic=deterministic, name=name)


def udtf(f=None, input_types=None, result_types=None, deterministic=None, name=None):
    return _make(UserDefinedTableFunctionWrapper, f, input_types=input_types, result=result_types,
                 func_type="general", deterministic=deterministic, name=name)


def udaf(f=None, input_types=None, result_type=None, accumulator_type=None, deterministic=None, name=None, func_type="general"):
    return _make(UserDefinedAggregateFunctionWrapper, f, input_types=input_types, result=result_type,
                 func_type=func_type, deterministic=deterministic, name=name, state=accumulator_type)


def udtaf(f=None, input_types=None, result_type=None, accumulator_type=None, deterministic=None, name=None, func_type="general"):
    return _make(UserDefinedTableAggregateFunctionWrapper, f, input_types=input_types, result=result_type,
                 func_type=func_type, deterministic=deterministic, name=name, state=accumulator_type)
