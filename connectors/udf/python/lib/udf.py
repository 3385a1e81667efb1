# pyflink.table.udf: functions, and the decorators that make them known to SQL.
import functools
import inspect

from pyflink.table.types import text


class FunctionContext:
    def __init__(self, name="", parameters=None):
        self._name, self._parameters = name, parameters or {}

    def get_metric_group(self):
        return _MetricGroup()

    def get_job_parameter(self, key, default_value):
        return self._parameters.get(key, default_value)


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
        pass


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


class TableFunction(UserDefinedFunction):
    def eval(self, *args):
        raise NotImplementedError("eval")


class AggregateFunction(UserDefinedFunction):
    def create_accumulator(self):
        raise NotImplementedError("create_accumulator")

    def get_value(self, accumulator):
        raise NotImplementedError("get_value")

    def accumulate(self, accumulator, *args):
        raise NotImplementedError("accumulate")

    def retract(self, accumulator, *args):
        raise RuntimeError("the function has no retract, and rows are taken back")

    def merge(self, accumulator, accumulators):
        raise RuntimeError("the function has no merge")

    def get_result_type(self):
        return None

    def get_accumulator_type(self):
        return None


class TableAggregateFunction(AggregateFunction):
    pass


class _Delegate(UserDefinedFunction):
    """A plain callable in the place of a function object."""

    def __init__(self, f):
        self.eval = f


class UserDefinedFunctionWrapper:
    kind = "SCALAR"
    base = ScalarFunction

    def __init__(self, func, input_types, result, func_type, deterministic, name, state=None):
        if not callable(func) and not isinstance(func, UserDefinedFunction):
            raise TypeError("a user function is a callable or a %s, not %r" % (self.base.__name__, func))
        if func_type not in ("general", "pandas"):
            raise ValueError("func_type is 'general' or 'pandas', not %r" % (func_type,))
        self._func, self._result, self._state = func, result, state
        self.func_type, self._deterministic = func_type, deterministic
        if input_types is not None and not isinstance(input_types, (list, tuple)):
            input_types = [input_types]
        self._inputs = input_types
        self._name = name or getattr(func, "__name__", type(func).__name__)
        if hasattr(func, "__doc__"):
            functools.update_wrapper(self, func, updated=())

    def __call__(self, *args):
        """Calls the function itself, so that it can be tested as plain Python."""
        return self.method()(*args)

    def function(self):
        f = self._func
        return f if isinstance(f, UserDefinedFunction) else _Delegate(f)

    def method(self):
        f = self.function()
        return getattr(f, "accumulate", None) or f.eval

    def has(self, name):
        return getattr(type(self._func), name, None) not in (None, getattr(self.base, name, None))

    def instance(self, context):
        f = self.function()
        f.open(context)
        return f, None if self.kind == "AGGREGATE" else f.eval

    def is_deterministic(self):
        if self._deterministic is not None:
            return bool(self._deterministic)
        return bool(self.function().is_deterministic())

    def input_texts(self):
        return None if self._inputs is None else [text(t) for t in self._inputs]

    def result_text(self):
        if self._result is None:
            raise TypeError("%s declares no result_type" % self._name)
        return [text(self._result)]

    def result_names(self):
        return None

    def state_text(self):
        return None


class UserDefinedScalarFunctionWrapper(UserDefinedFunctionWrapper):
    pass


class UserDefinedTableFunctionWrapper(UserDefinedFunctionWrapper):
    kind = "TABLE"
    base = TableFunction

    def result_text(self):
        r = self._result
        if r is None:
            raise TypeError("%s declares no result_types" % self._name)
        if getattr(r, "fields", None):
            return [t for _, t in r.fields]
        return [text(t) for t in r] if isinstance(r, (list, tuple)) else [text(r)]

    def result_names(self):
        fields = getattr(self._result, "fields", None)
        return [n for n, _ in fields] if fields else None


class UserDefinedAggregateFunctionWrapper(UserDefinedFunctionWrapper):
    kind = "AGGREGATE"
    base = AggregateFunction

    def result_text(self):
        r = self._result if self._result is not None else self._func.get_result_type()
        if r is None:
            raise TypeError("%s declares no result type" % self._name)
        return [text(r)]

    def state_text(self):
        s = self._state
        if s is None and isinstance(self._func, AggregateFunction):
            s = self._func.get_accumulator_type()
        return None if s is None else text(s)


def _make(wrapper, f, **given):
    if f is None:
        return lambda func: _make(wrapper, func, **given)
    if inspect.isclass(f):
        raise TypeError("give an object of class %s: %s()" % (f.__name__, f.__name__))
    if wrapper.kind == "AGGREGATE" and given["func_type"] == "general" and not isinstance(f, AggregateFunction):
        raise TypeError("udaf takes an AggregateFunction, not %r" % (f,))
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


def udtaf(*args, **kwargs):
    raise NotImplementedError("table aggregate functions cannot be called from SQL")
