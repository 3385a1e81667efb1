import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.source.legacy.FromElementsFunction;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.VectorSearchTableSource;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.connector.source.search.VectorSearchFunctionProvider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;

/** The connector of sections' tables: sources and lookups of given rows, sinks that keep what they get. */
final class Tables {
    /** Rows of the tables of a section, by its id and the table's name. */
    static final Map<String, List<RowData>> ROWS = new ConcurrentHashMap<>();
    static final Map<String, JsonNode> INPUTS = new ConcurrentHashMap<>();
    private static final AtomicInteger LOOKUPS = new AtomicInteger();

    /** Tables of sections: sources and lookups of given rows, sinks that keep what they get. */
    public static final class Connector implements DynamicTableSourceFactory, DynamicTableSinkFactory {
        static final ConfigOption<String> KEY = ConfigOptions.key("key").stringType().noDefaultValue();
        static final ConfigOption<String> MODE = ConfigOptions.key("mode").stringType().noDefaultValue();
        static final ConfigOption<String> ZONE = ConfigOptions.key("zone").stringType().noDefaultValue();
        static final ConfigOption<Duration> LINGER = ConfigOptions.key("linger").durationType().defaultValue(Duration.ZERO);

        @Override
        public String factoryIdentifier() {
            return "judge";
        }

        @Override
        public Set<ConfigOption<?>> requiredOptions() {
            return new HashSet<>(List.of(KEY, MODE, ZONE));
        }

        @Override
        public Set<ConfigOption<?>> optionalOptions() {
            return Set.of(LINGER);
        }

        @Override
        public DynamicTableSource createDynamicTableSource(Context c) {
            FactoryUtil.TableFactoryHelper h = FactoryUtil.createTableFactoryHelper(this, c);
            RowType type = (RowType) c.getPhysicalRowDataType().getLogicalType();
            String key = h.getOptions().get(KEY);
            List<RowData> rows = ROWS.get(key);
            if (rows == null) {
                rows = Rows.read(INPUTS.get(key), type, ZoneId.of(h.getOptions().get(ZONE)));
            }
            return new Source(rows, type, h.getOptions().get(MODE), h.getOptions().get(LINGER));
        }

        @Override
        public DynamicTableSink createDynamicTableSink(Context c) {
            FactoryUtil.TableFactoryHelper h = FactoryUtil.createTableFactoryHelper(this, c);
            RowType type = (RowType) c.getPhysicalRowDataType().getLogicalType();
            return new TableSink(h.getOptions().get(KEY), type, h.getOptions().get(MODE));
        }
    }

    static ChangelogMode mode(String text) {
        ChangelogMode.Builder b = ChangelogMode.newBuilder();
        for (String k : text.split(",")) {
            switch (k.trim()) {
                case "I": b.addContainedKind(RowKind.INSERT); break;
                case "UB": b.addContainedKind(RowKind.UPDATE_BEFORE); break;
                case "UA": b.addContainedKind(RowKind.UPDATE_AFTER); break;
                default: b.addContainedKind(RowKind.DELETE);
            }
        }
        return b.build();
    }

    static final class Source implements ScanTableSource, LookupTableSource, VectorSearchTableSource {
        final List<RowData> rows;
        final RowType type;
        final String mode;
        final Duration linger;

        Source(List<RowData> rows, RowType type, String mode, Duration linger) {
            this.rows = rows;
            this.type = type;
            this.mode = mode;
            this.linger = linger;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return mode(mode);
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext c) {
            return new DataStreamScanProvider() {
                @Override
                public DataStream<RowData> produceDataStream(ProviderContext p, StreamExecutionEnvironment e) {
                    InternalTypeInfo<RowData> info = InternalTypeInfo.of(type);
                    try {
                        boolean paced = e.getBufferTimeout() == 0;
                        Feed feed = new Feed(rows, info.createSerializer(new SerializerConfigImpl()), paced, linger.toMillis());
                        return e.addSource(feed, "judge", info).setParallelism(1);
                    } catch (IOException x) {
                        throw new UncheckedIOException(x);
                    }
                }

                @Override
                public boolean isBounded() {
                    return true;
                }
            };
        }

        @Override
        public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext c) {
            int[] keys = new int[c.getKeys().length];
            for (int i = 0; i < keys.length; i++) {
                keys[i] = c.getKeys()[i][0];
            }
            String id = "lookup/" + LOOKUPS.incrementAndGet();
            ROWS.put(id, rows);
            return LookupFunctionProvider.of(new Lookup(id, type, keys));
        }

        @Override
        public VectorSearchRuntimeProvider getSearchRuntimeProvider(VectorSearchContext c) {
            String id = "search/" + LOOKUPS.incrementAndGet();
            ROWS.put(id, rows);
            return VectorSearchFunctionProvider.of(new Vectors(id, type, c.getSearchColumns()[0][0], c.runtimeConfig()));
        }

        @Override
        public DynamicTableSource copy() {
            return new Source(rows, type, mode, linger);
        }

        @Override
        public String asSummaryString() {
            return "judge";
        }
    }

    /**
     * Gives rows one by one, in order. A paced one waits for what comes of a row before the next: where rows go several
     * ways, those do not overtake each other. One that lingers is for windows of processing time of that length: it
     * begins when one of them does, and stays until they and sessions with such a gap have fired, since Flink forgets
     * what is open when its input ends (FLINK-18647).
     */
    @SuppressWarnings("deprecation")
    public static final class Feed extends FromElementsFunction<RowData> {
        private static final int PACE = 20;
        private final boolean paced;
        private final long linger;

        Feed(List<RowData> rows, TypeSerializer<RowData> s, boolean paced, long linger) throws IOException {
            super(s, rows);
            this.paced = paced;
            this.linger = linger;
        }

        @Override
        public void run(SourceContext<RowData> to) throws Exception {
            if (linger > 0) {
                Thread.sleep(linger - System.currentTimeMillis() % linger);
            }
            super.run(paced ? new Paced(to) : to);
            Thread.sleep(2 * linger);
        }

        private static final class Paced implements SourceContext<RowData> {
            private final SourceContext<RowData> to;

            Paced(SourceContext<RowData> to) {
                this.to = to;
            }

            @Override
            public void collect(RowData row) {
                to.collect(row);
                try {
                    Thread.sleep(PACE);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }

            @Override
            public void collectWithTimestamp(RowData row, long at) {
                to.collectWithTimestamp(row, at);
            }

            @Override
            public void emitWatermark(Watermark w) {
                to.emitWatermark(w);
            }

            @Override
            public void markAsTemporarilyIdle() {
                to.markAsTemporarilyIdle();
            }

            @Override
            public Object getCheckpointLock() {
                return to.getCheckpointLock();
            }

            @Override
            public void close() {
                to.close();
            }
        }
    }

    /** Looks rows up by comparing the key columns. */
    public static final class Lookup extends LookupFunction {
        final String id;
        final RowType type;
        final int[] keys;

        Lookup(String id, RowType type, int[] keys) {
            this.id = id;
            this.type = type;
            this.keys = keys;
        }

        @Override
        public List<RowData> lookup(RowData key) {
            List<RowData> out = new ArrayList<>();
            for (RowData r : ROWS.get(id)) {
                boolean same = true;
                for (int i = 0; i < keys.length && same; i++) {
                    LogicalType t = type.getTypeAt(keys[i]);
                    Object a = RowData.createFieldGetter(t, i).getFieldOrNull(key);
                    Object b = RowData.createFieldGetter(t, keys[i]).getFieldOrNull(r);
                    same = a != null && a.equals(b);
                }
                if (same) {
                    out.add(r);
                }
            }
            return out;
        }
    }

    static final class TableSink implements DynamicTableSink {
        final String key;
        final RowType type;
        final String mode;

        TableSink(String key, RowType type, String mode) {
            this.key = key;
            this.type = type;
            this.mode = mode;
        }

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode asked) {
            return mode(mode);
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context c) {
            return SinkV2Provider.of(new Keep(key, type));
        }

        @Override
        public DynamicTableSink copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "judge";
        }
    }

    /** Keeps the rows it gets in ROWS. */
    public static final class Keep implements Sink<RowData> {
        final String key;
        final RowType type;

        Keep(String key, RowType type) {
            this.key = key;
            this.type = type;
        }

        @Override
        public SinkWriter<RowData> createWriter(WriterInitContext c) {
            List<RowData> rows = ROWS.computeIfAbsent(key, k -> Collections.synchronizedList(new ArrayList<>()));
            RowDataSerializer copies = new RowDataSerializer(type);
            return new SinkWriter<RowData>() {
                @Override
                public void write(RowData row, Context c) {
                    rows.add(copies.copy(row));
                }

                @Override
                public void flush(boolean end) {}

                @Override
                public void close() {}
            };
        }
    }

    private Tables() {}
}
