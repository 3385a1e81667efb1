# pyflink.table.types: data types as the SQL text of themselves.


class DataType:
    def __init__(self, text, nullable=True, fields=None):
        self.text = text
        self.nullable = nullable
        self.fields = fields  # of a ROW: names and types

    def sql(self):
        return self.text if self.nullable else self.text + " NOT NULL"

    def not_null(self):
        return DataType(self.text, False)

    def __repr__(self):
        return self.sql()

    def __eq__(self, other):
        return isinstance(other, DataType) and self.sql() == other.sql()

    def __hash__(self):
        return hash(self.sql())


def text(t):
    """The SQL text of a data type, which may be given as text."""
    return t.sql() if isinstance(t, DataType) else str(t)


def _plain(name):
    def make(nullable=True):
        return DataType(name, nullable)
    return staticmethod(make)


def _name(n):
    return "`" + n.replace("`", "``") + "`"


class _Field:
    def __init__(self, name, data_type, description=None):
        self.name, self.data_type = name, data_type


class DataTypes:
    NULL = _plain("NULL")
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

    MAP_VIEW = MAP

    @staticmethod
    def MULTISET(element_type, nullable=True):
        return DataType("MULTISET<%s>" % text(element_type), nullable)

    @staticmethod
    def FIELD(name, data_type, description=None):
        return _Field(name, data_type, description)

    @staticmethod
    def ROW(row_fields=(), nullable=True):
        fields = []
        for i, f in enumerate(row_fields):
            fields.append((f.name, text(f.data_type)) if isinstance(f, _Field) else ("f%d" % i, text(f)))
        return DataType("ROW<%s>" % ", ".join("%s %s" % (_name(n), t) for n, t in fields), nullable, fields)
