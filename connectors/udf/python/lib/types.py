# pyflink.table.types: data types as the SQL text of themselves.


class DataType:
    def __init__(self, text, nullable=True):
        self.text = text
        self._nullable = nullable

    def sql(self):
        return self.text if self._nullable else self.text + " NOT NULL"

    def nullable(self):
        return self._with(True)

    def not_null(self):
        return self._with(False)

    def _with(self, nullable):
        t = type(self).__new__(type(self))
        t.__dict__.update(self.__dict__)
        t._nullable = nullable
        return t

    def __repr__(self):
        return self.sql()

    def __eq__(self, other):
        return isinstance(other, DataType) and self.sql() == other.sql()

    def __hash__(self):
        return hash(self.sql())


def text(t):
    """The SQL text of a data type, which may be given as text."""
    return t.sql() if isinstance(t, DataType) else str(t)


def _name(n):
    return "`" + n.replace("`", "``") + "`"


class RowField:
    def __init__(self, name, data_type, description=None):
        self.name, self.data_type, self.description = name, data_type, description


class RowType(DataType):
    """A ROW, whose fields a function may be declared by."""

    def __init__(self, fields=(), nullable=True):
        self.fields = [f if isinstance(f, RowField) else RowField("f%d" % i, f) for i, f in enumerate(fields)]
        super().__init__("ROW<%s>" % ", ".join("%s %s" % (_name(f.name), text(f.data_type)) for f in self.fields), nullable)

    def add(self, field, data_type=None):
        field = field if isinstance(field, RowField) else RowField(field, data_type)
        self.__init__(self.fields + [field], self._nullable)
        return self

    def field_names(self):
        return [f.name for f in self.fields]

    fieldNames = field_names

    def field_types(self):
        return [f.data_type for f in self.fields]


class Resolution:
    """A unit of an interval, with its precision where it has one."""

    def __init__(self, unit, precision=None):
        self.unit, self.precision = unit, precision

    def sql(self, last=False):
        if self.precision is None or last and self.unit != "SECOND":
            return self.unit
        return "%s(%d)" % (self.unit, self.precision)


def _plain(name):
    def make(nullable=True):
        return DataType(name, nullable)
    return staticmethod(make)


class DataTypes:
    BOOLEAN = _plain("BOOLEAN")
    TINYINT = _plain("TINYINT")
    SMALLINT = _plain("SMALLINT")
    INT = _plain("INT")
    BIGINT = _plain("BIGINT")
    FLOAT = _plain("FLOAT")
    DOUBLE = _plain("DOUBLE")
    STRING = _plain("STRING")
    BYTES = _plain("BYTES")
    DATE = _plain("DATE")

    @staticmethod
    def NULL():
        return DataType("NULL")

    @staticmethod
    def CHAR(length, nullable=True):
        return DataType("CHAR(%d)" % length, nullable)

    @staticmethod
    def VARCHAR(length, nullable=True):
        return DataType("VARCHAR(%d)" % length, nullable)

    @staticmethod
    def BINARY(length, nullable=True):
        return DataType("BINARY(%d)" % length, nullable)

    @staticmethod
    def VARBINARY(length, nullable=True):
        return DataType("VARBINARY(%d)" % length, nullable)

    @staticmethod
    def DECIMAL(precision, scale, nullable=True):
        return DataType("DECIMAL(%d, %d)" % (precision, scale), nullable)

    @staticmethod
    def TIME(precision=0, nullable=True):
        return DataType("TIME(%d)" % precision, nullable)

    @staticmethod
    def TIMESTAMP(precision=6, nullable=True):
        return DataType("TIMESTAMP(%d)" % precision, nullable)

    @staticmethod
    def TIMESTAMP_LTZ(precision=6, nullable=True):
        return DataType("TIMESTAMP_LTZ(%d)" % precision, nullable)

    TIMESTAMP_WITH_LOCAL_TIME_ZONE = TIMESTAMP_LTZ

    @staticmethod
    def ARRAY(element_type, nullable=True):
        return DataType("ARRAY<%s>" % text(element_type), nullable)

    @staticmethod
    def LIST_VIEW(element_type):
        return DataType("ARRAY<%s>" % text(element_type))

    @staticmethod
    def MAP(key_type, value_type, nullable=True):
        return DataType("MAP<%s, %s>" % (text(key_type), text(value_type)), nullable)

    @staticmethod
    def MAP_VIEW(key_type, value_type):
        return DataType("MAP<%s, %s>" % (text(key_type), text(value_type)))

    @staticmethod
    def MULTISET(element_type, nullable=True):
        return DataType("MULTISET<%s>" % text(element_type), nullable)

    @staticmethod
    def FIELD(name, data_type, description=None):
        return RowField(name, data_type, description)

    @staticmethod
    def ROW(row_fields=(), nullable=True):
        return RowType(row_fields, nullable)

    @staticmethod
    def SECOND(precision=6):
        return Resolution("SECOND", precision)

    @staticmethod
    def MINUTE():
        return Resolution("MINUTE")

    @staticmethod
    def HOUR():
        return Resolution("HOUR")

    @staticmethod
    def DAY(precision=2):
        return Resolution("DAY", precision)

    @staticmethod
    def MONTH():
        return Resolution("MONTH")

    @staticmethod
    def YEAR(precision=2):
        return Resolution("YEAR", precision)

    @staticmethod
    def INTERVAL(upper_resolution, lower_resolution=None):
        words = upper_resolution.sql()
        if lower_resolution is not None:
            words += " TO " + lower_resolution.sql(True)
        return DataType("INTERVAL " + words)
