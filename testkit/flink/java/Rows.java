import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.MultisetType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.apache.flink.types.RowKind;
import org.apache.flink.types.variant.BinaryVariantInternalBuilder;

/** Rows as Flink keeps them, from and to JSON. */
final class Rows {
    static final ObjectMapper JSON = new ObjectMapper();

    static List<RowData> read(JsonNode table, RowType type, ZoneId zone) {
        List<RowData> out = new ArrayList<>();
        for (JsonNode line : table.get("rows")) {
            out.add(change(line, type, zone));
        }
        return out;
    }

    /** A change from a line with its kind and its row. */
    static RowData change(JsonNode line, RowType type, ZoneId zone) {
        GenericRowData r = (GenericRowData) value(line.get("row"), type, zone);
        switch (line.get("op").asText()) {
            case "-U": r.setRowKind(RowKind.UPDATE_BEFORE); break;
            case "+U": r.setRowKind(RowKind.UPDATE_AFTER); break;
            case "-D": r.setRowKind(RowKind.DELETE); break;
            default: r.setRowKind(RowKind.INSERT);
        }
        return r;
    }

    static Object value(JsonNode n, LogicalType t, ZoneId zone) {
        if (n == null || n.isNull()) {
            return null;
        }
        String s = n.asText().trim();
        switch (t.getTypeRoot()) {
            case CHAR: case VARCHAR: return StringData.fromString(n.asText());
            case BOOLEAN: return n.isBoolean() ? n.asBoolean() : Boolean.parseBoolean(s);
            case BINARY: case VARBINARY: return Base64.getDecoder().decode(s);
            case TINYINT: return Byte.parseByte(s);
            case SMALLINT: return Short.parseShort(s);
            case INTEGER: case INTERVAL_YEAR_MONTH: return Integer.parseInt(s);
            case BIGINT: case INTERVAL_DAY_TIME: return Long.parseLong(s);
            case FLOAT: return Float.parseFloat(s);
            case DOUBLE: return Double.parseDouble(s);
            case DECIMAL: return DecimalData.fromBigDecimal(new BigDecimal(s), ((DecimalType) t).getPrecision(), ((DecimalType) t).getScale());
            case DATE: return (int) LocalDate.parse(s).toEpochDay();
            case TIME_WITHOUT_TIME_ZONE: return (int) (LocalTime.parse(s).toNanoOfDay() / 1_000_000);
            case TIMESTAMP_WITHOUT_TIME_ZONE: return TimestampData.fromLocalDateTime(time(s));
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                return TimestampData.fromInstant(time(s.endsWith("Z") ? s.substring(0, s.length() - 1) : s)
                        .atZone(s.endsWith("Z") ? ZoneId.of("UTC") : zone).toInstant());
            case ARRAY: {
                Object[] out = new Object[n.size()];
                for (int i = 0; i < out.length; i++) {
                    out[i] = value(n.get(i), ((ArrayType) t).getElementType(), zone);
                }
                return new GenericArrayData(out);
            }
            case MAP: case MULTISET: {
                boolean map = t instanceof MapType;
                LogicalType k = map ? ((MapType) t).getKeyType() : ((MultisetType) t).getElementType();
                LogicalType v = map ? ((MapType) t).getValueType() : new IntType();
                Map<Object, Object> out = new LinkedHashMap<>(); // in the order given
                for (Iterator<Map.Entry<String, JsonNode>> it = n.fields(); it.hasNext(); ) {
                    Map.Entry<String, JsonNode> e = it.next();
                    out.put(value(JSON.valueToTree(e.getKey()), k, zone), value(e.getValue(), v, zone));
                }
                return new GenericMapData(out);
            }
            case ROW: case STRUCTURED_TYPE: {
                RowType r = (RowType) t;
                GenericRowData out = new GenericRowData(r.getFieldCount());
                for (int i = 0; i < r.getFieldCount(); i++) {
                    out.setField(i, value(n.get(r.getFieldNames().get(i)), r.getTypeAt(i), zone));
                }
                return out;
            }
            case VARIANT: {
                try {
                    return BinaryVariantInternalBuilder.parseJson(n.toString(), false);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
            default: throw new IllegalArgumentException("no rows of " + t);
        }
    }

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd[ ]['T']HH:mm[:ss][.SSSSSSSSS][.SSSSSS][.SSS][.SS][.S]");

    static LocalDateTime time(String s) {
        if (s.length() <= 10) {
            return LocalDate.parse(s).atStartOfDay();
        }
        return LocalDateTime.parse(s, TIME);
    }

    /** The JSON of a value; what has no JSON of its own is a text. */
    static JsonNode json(Object v, LogicalType t) {
        if (v == null) {
            return JSON.getNodeFactory().nullNode();
        }
        switch (t.getTypeRoot()) {
            case BOOLEAN: return JSON.valueToTree(v);
            case TINYINT: case SMALLINT: case INTEGER: case BIGINT: case INTERVAL_YEAR_MONTH: case INTERVAL_DAY_TIME:
                return JSON.getNodeFactory().numberNode(((Number) v).longValue());
            case FLOAT: case DOUBLE: return JSON.valueToTree(v);
            case DECIMAL: return JSON.getNodeFactory().numberNode(((DecimalData) v).toBigDecimal());
            case BINARY: case VARBINARY: return JSON.getNodeFactory().textNode(Base64.getEncoder().encodeToString((byte[]) v));
            case DATE: return JSON.getNodeFactory().textNode(LocalDate.ofEpochDay((Integer) v).toString());
            case TIME_WITHOUT_TIME_ZONE: return JSON.getNodeFactory().textNode(LocalTime.ofNanoOfDay((Integer) v * 1_000_000L).toString());
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                return JSON.getNodeFactory().textNode(((TimestampData) v).toLocalDateTime().toString());
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE: return JSON.getNodeFactory().textNode(((TimestampData) v).toInstant().toString());
            case ARRAY: {
                ArrayNode out = JSON.createArrayNode();
                LogicalType e = ((ArrayType) t).getElementType();
                ArrayData.ElementGetter get = ArrayData.createElementGetter(e);
                for (int i = 0; i < ((ArrayData) v).size(); i++) {
                    out.add(json(get.getElementOrNull((ArrayData) v, i), e));
                }
                return out;
            }
            case MAP: case MULTISET: {
                boolean map = t instanceof MapType;
                LogicalType k = map ? ((MapType) t).getKeyType() : ((MultisetType) t).getElementType();
                LogicalType e = map ? ((MapType) t).getValueType() : new IntType();
                ArrayData keys = ((MapData) v).keyArray();
                ArrayData values = ((MapData) v).valueArray();
                ObjectNode out = JSON.createObjectNode();
                for (int i = 0; i < keys.size(); i++) {
                    out.set(json(ArrayData.createElementGetter(k).getElementOrNull(keys, i), k).asText(),
                            json(ArrayData.createElementGetter(e).getElementOrNull(values, i), e));
                }
                return out;
            }
            case ROW: case STRUCTURED_TYPE: {
                ObjectNode out = JSON.createObjectNode();
                List<String> names = LogicalTypeChecks.getFieldNames(t);
                for (int i = 0; i < names.size(); i++) {
                    LogicalType f = LogicalTypeChecks.getFieldTypes(t).get(i);
                    out.set(names.get(i), json(RowData.createFieldGetter(f, i).getFieldOrNull((RowData) v), f));
                }
                return out;
            }
            default: return JSON.getNodeFactory().textNode(v.toString());
        }
    }

    private Rows() {}
}
