import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.utils.JoinedRowData;
import org.apache.flink.table.functions.VectorSearchFunction;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/** Compares a vector with that of each row; equal scores come in the order of the rows. */
public final class Vectors extends VectorSearchFunction {
    private final String id;
    private final int column;
    private final boolean floats;
    private final String metric;

    Vectors(String id, RowType type, int column, ReadableConfig config) {
        this.id = id;
        this.column = column;
        LogicalType t = type.getTypeAt(column);
        if (!t.is(LogicalTypeRoot.ARRAY)) {
            throw new IllegalArgumentException("the column to search is no array");
        }
        floats = ((ArrayType) t).getElementType().is(LogicalTypeRoot.FLOAT);
        metric = config.get(ConfigOptions.key("metric").stringType().defaultValue("cosine")).toLowerCase();
        if (!List.of("cosine", "euclidean", "dot_product").contains(metric)) {
            throw new IllegalArgumentException("no metric " + metric);
        }
    }

    @Override
    public Collection<RowData> vectorSearch(int k, RowData query) {
        double[] q = query.isNullAt(0) ? null : vector(query.getArray(0));
        List<RowData> found = new ArrayList<>();
        for (RowData r : Tables.ROWS.get(id)) {
            double[] v = r.isNullAt(column) ? null : vector(r.getArray(column));
            if (q == null || v == null) {
                continue;
            }
            if (q.length != v.length) {
                throw new IllegalArgumentException("vectors of " + q.length + " and " + v.length);
            }
            double dot = 0;
            double qq = 0;
            double vv = 0;
            double apart = 0;
            for (int i = 0; i < q.length; i++) {
                dot += q[i] * v[i];
                qq += q[i] * q[i];
                vv += v[i] * v[i];
                apart += (q[i] - v[i]) * (q[i] - v[i]);
            }
            double score = metric.equals("cosine") ? dot / Math.sqrt(qq * vv) : metric.equals("euclidean") ? Math.sqrt(apart) : dot;
            found.add(new JoinedRowData(r, GenericRowData.of(score)));
        }
        Comparator<RowData> order = Comparator.comparingDouble(r -> r.getDouble(r.getArity() - 1));
        found.sort(metric.equals("euclidean") ? order : order.reversed());
        return found.subList(0, Math.min(k, found.size()));
    }

    private double[] vector(ArrayData a) {
        double[] out = new double[a.size()];
        for (int i = 0; i < out.length; i++) {
            if (a.isNullAt(i)) {
                return null;
            }
            out[i] = floats ? a.getFloat(i) : a.getDouble(i);
        }
        return out;
    }
}
