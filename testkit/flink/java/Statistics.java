import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.catalog.Catalog;
import org.apache.flink.table.catalog.ObjectIdentifier;
import org.apache.flink.table.catalog.stats.CatalogColumnStatisticsDataBase;
import org.apache.flink.table.catalog.stats.CatalogColumnStatisticsDataBoolean;
import org.apache.flink.table.catalog.stats.CatalogColumnStatisticsDataDate;
import org.apache.flink.table.catalog.stats.CatalogColumnStatisticsDataDouble;
import org.apache.flink.table.catalog.stats.CatalogColumnStatisticsDataLong;
import org.apache.flink.table.catalog.stats.CatalogColumnStatisticsDataString;

/** What ANALYZE TABLE left in Flink's catalog, in the words of mink's DESCRIBE EXTENDED; Flink's shows none. */
final class Statistics {
    static void add(ObjectNode answer, TableEnvironment env, ObjectIdentifier table) throws Exception {
        Catalog catalog = env.getCatalog(table.getCatalogName()).get();
        if (!catalog.tableExists(table.toObjectPath())) {
            return;
        }
        long rows = catalog.getTableStatistics(table.toObjectPath()).getRowCount();
        if (rows < 0) {
            return;
        }
        ((ArrayNode) answer.get("types")).add("VARCHAR");
        for (JsonNode row : answer.get("rows")) {
            CatalogColumnStatisticsDataBase c =
                    catalog.getTableColumnStatistics(table.toObjectPath()).getColumnStatisticsData().get(row.get(1).asText());
            ((ArrayNode) row).add("rowCount=" + rows + text(c));
        }
    }

    private static String text(CatalogColumnStatisticsDataBase c) {
        List<String> out = new ArrayList<>();
        Object ndv = null;
        Object min = null;
        Object max = null;
        if (c instanceof CatalogColumnStatisticsDataLong) {
            CatalogColumnStatisticsDataLong s = (CatalogColumnStatisticsDataLong) c;
            ndv = s.getNdv();
            min = s.getMin();
            max = s.getMax();
        } else if (c instanceof CatalogColumnStatisticsDataDouble) {
            CatalogColumnStatisticsDataDouble s = (CatalogColumnStatisticsDataDouble) c;
            ndv = s.getNdv();
            min = s.getMin();
            max = s.getMax();
        } else if (c instanceof CatalogColumnStatisticsDataDate) {
            CatalogColumnStatisticsDataDate s = (CatalogColumnStatisticsDataDate) c;
            ndv = s.getNdv();
            min = java.time.LocalDate.ofEpochDay(s.getMin().getDaysSinceEpoch());
            max = java.time.LocalDate.ofEpochDay(s.getMax().getDaysSinceEpoch());
        } else if (c instanceof CatalogColumnStatisticsDataString) {
            ndv = ((CatalogColumnStatisticsDataString) c).getNdv();
        }
        put(out, "ndv", ndv);
        put(out, "nullCount", c == null ? null : c.getNullCount());
        put(out, "min", min);
        put(out, "max", max);
        if (c instanceof CatalogColumnStatisticsDataString) {
            CatalogColumnStatisticsDataString s = (CatalogColumnStatisticsDataString) c;
            put(out, "avgLen", s.getAvgLength() == null ? null : new BigDecimal(s.getAvgLength()).round(new java.math.MathContext(6)));
            put(out, "maxLen", s.getMaxLength());
        } else if (c instanceof CatalogColumnStatisticsDataBoolean) {
            put(out, "trueCount", ((CatalogColumnStatisticsDataBoolean) c).getTrueCount());
            put(out, "falseCount", ((CatalogColumnStatisticsDataBoolean) c).getFalseCount());
        }
        return out.isEmpty() ? "" : ", " + String.join(", ", out);
    }

    private static void put(List<String> out, String name, Object value) {
        if (value != null) {
            out.add(name + "=" + value);
        }
    }

    private Statistics() {}
}
