import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.client.deployment.executors.PipelineExecutorUtils;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.PipelineExecutor;
import org.apache.flink.core.execution.PipelineExecutorFactory;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.minicluster.MiniClusterJobClient;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.source.legacy.FromElementsFunction;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ResultKind;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.internal.TableEnvironmentInternal;
import org.apache.flink.table.api.internal.TableResultInternal;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.table.operations.BeginStatementSetOperation;
import org.apache.flink.table.operations.EndStatementSetOperation;
import org.apache.flink.table.operations.ModifyOperation;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.QueryOperation;
import org.apache.flink.table.operations.StatementSetOperation;
import org.apache.flink.table.operations.command.ResetOperation;
import org.apache.flink.table.operations.command.SetOperation;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.MultisetType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;
import org.apache.flink.types.variant.BinaryVariantInternalBuilder;
import org.apache.flink.util.CloseableIterator;

/**
 * Runs sections of SQL tests on Apache Flink in this process: a line of JSON a section on
 * standard input, a line with what came out on standard output. The Go side (flink.go) writes
 * and reads them.
 */
public final class Judge {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SECONDS_MAX = 120;

    /** Rows of the tables of a section, by its id and the table's name. */
    static final Map<String, List<RowData>> ROWS = new ConcurrentHashMap<>();
    static final AtomicInteger LOOKUPS = new AtomicInteger();
    static final Map<String, JsonNode> INPUTS = new ConcurrentHashMap<>();

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        int threads = args.length > 0 ? Integer.parseInt(args[0]) : 2;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        ExecutorService timed = Executors.newCachedThreadPool();
        Executor.cluster();
        TableEnvironment.create(EnvironmentSettings.inStreamingMode()); // loads the planner
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        List<Future<?>> all = new ArrayList<>();
        for (String line; (line = in.readLine()) != null; ) {
            JsonNode section = JSON.readTree(line);
            all.add(pool.submit(() -> {
                ObjectNode answer = new Run(section, timed).answer();
                synchronized (out) {
                    out.println(answer);
                }
            }));
        }
        for (Future<?> f : all) {
            f.get();
        }
        System.exit(0);
    }

    /** One section in a table environment of its own. */
    private static final class Run {
        final JsonNode section;
        final ExecutorService timed;
        final ObjectNode answer = JSON.createObjectNode();
        TableEnvironmentInternal env;
        List<ModifyOperation> set;
        volatile JobClient job;
        volatile String phase = "preparing";

        Run(JsonNode section, ExecutorService timed) {
            this.section = section;
            this.timed = timed;
        }

        /** The whole section runs in one thread, which the planner relies on. */
        ObjectNode answer() {
            answer.put("id", section.get("id").asText());
            long begin = System.nanoTime();
            Future<?> f = timed.submit(() -> {
                Thread.currentThread().setContextClassLoader(Judge.class.getClassLoader());
                all();
                return null;
            });
            try {
                f.get(SECONDS_MAX, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                if (job != null) {
                    job.cancel();
                }
                f.cancel(true);
                fail("no end within " + SECONDS_MAX + " s");
                answer.put("late", true);
            } catch (InterruptedException e) {
                fail("interrupted");
            } catch (ExecutionException e) {
                fail(e.getCause());
            }
            answer.put("phase", phase);
            answer.put("ms", (System.nanoTime() - begin) / 1_000_000);
            return answer;
        }

        void fail(String text) {
            answer.put("error", text);
        }

        void fail(Throwable e) {
            Throwable root = e;
            StringBuilder text = new StringBuilder();
            while (true) {
                if (root.getMessage() != null && text.indexOf(root.getMessage()) < 0) {
                    text.append(text.length() > 0 ? " <- " : "").append(root.getMessage());
                }
                if (root.getCause() == null || root.getCause() == root) {
                    break;
                }
                root = root.getCause();
            }
            fail(root.getClass().getSimpleName() + ": " + text);
        }

        void all() throws Exception {
            open();
            for (JsonNode s : section.get("setup")) {
                statement(s.asText());
            }
            phase = "";
            for (JsonNode s : section.get("statements")) {
                statement(s.asText());
            }
            if (section.hasNonNull("sink") && !answer.path("info").asBoolean()) {
                phase = "reading the sink";
                readSink(section.get("sink"));
                phase = "";
            }
        }

        void open() {
            boolean batch = section.get("batch").asBoolean();
            EnvironmentSettings.Builder b = EnvironmentSettings.newInstance();
            env = (TableEnvironmentInternal) TableEnvironment.create((batch ? b.inBatchMode() : b.inStreamingMode()).build());
            section.get("settings").fields().forEachRemaining(e -> env.getConfig().set(e.getKey(), e.getValue().asText()));
            for (JsonNode t : section.get("tables")) {
                table(t);
            }
            if (section.hasNonNull("sink")) {
                table(section.get("sink"));
            }
        }

        void table(JsonNode t) {
            String key = section.get("id").asText() + "/" + t.get("name").asText();
            INPUTS.put(key, t);
            env.executeSql("CREATE TEMPORARY TABLE " + t.get("name").asText() + " (" + t.get("columns").asText()
                    + ") WITH ('connector' = 'judge', 'key' = '" + key + "', 'mode' = '" + t.get("mode").asText()
                    + "', 'zone' = '" + env.getConfig().getLocalTimeZone().getId() + "')");
        }

        void statement(String text) throws Exception {
            List<Operation> parsed = env.getParser().parse(text);
            Operation op = parsed.get(0);
            if (op instanceof BeginStatementSetOperation) {
                set = new ArrayList<>();
            } else if (op instanceof EndStatementSetOperation) {
                List<ModifyOperation> all = set;
                set = null;
                if (!all.isEmpty()) {
                    await(env.executeInternal(all));
                }
            } else if (op instanceof SetOperation && ((SetOperation) op).getKey().isPresent()) {
                env.getConfig().set(((SetOperation) op).getKey().get(), ((SetOperation) op).getValue().get());
            } else if (op instanceof ResetOperation && ((ResetOperation) op).getKey().isPresent()) {
                env.getConfig().getConfiguration().removeKey(((ResetOperation) op).getKey().get());
            } else if (op instanceof ModifyOperation && set != null) {
                set.add((ModifyOperation) op);
            } else if (op instanceof StatementSetOperation) {
                await(env.executeInternal(((StatementSetOperation) op).getOperations()));
            } else if (op instanceof QueryOperation) {
                rows(env.executeInternal(op), false);
            } else {
                TableResultInternal r = env.executeInternal(op);
                if (r.getJobClient().isPresent()) {
                    await(r);
                } else if (r.getResultKind() == ResultKind.SUCCESS_WITH_CONTENT) {
                    rows(r, true);
                }
            }
        }

        void await(TableResultInternal r) throws Exception {
            job = r.getJobClient().orElse(null);
            r.await();
        }

        void rows(TableResultInternal r, boolean info) throws Exception {
            job = r.getJobClient().orElse(null);
            ArrayNode types = JSON.createArrayNode();
            ArrayNode rows = JSON.createArrayNode();
            r.getResolvedSchema().getColumnDataTypes().forEach(t -> types.add(t.getLogicalType().getTypeRoot().name()));
            try (CloseableIterator<RowData> it = r.collectInternal()) {
                while (it.hasNext()) {
                    RowData row = it.next();
                    String[] cells = r.getRowDataToStringConverter().convert(row);
                    ArrayNode one = JSON.createArrayNode();
                    one.add(row.getRowKind().shortString());
                    for (int i = 0; i < cells.length; i++) {
                        one.add(row.isNullAt(i) ? null : cells[i]);
                    }
                    rows.add(one);
                }
            }
            answer.set("types", types);
            answer.set("rows", rows);
            answer.put("info", info);
        }

        /** Reads what a sink has got through a table without key, which lets all changes pass. */
        void readSink(JsonNode sink) throws Exception {
            String key = section.get("id").asText() + "/" + sink.get("name").asText();
            List<RowData> rows = ROWS.getOrDefault(key, Collections.emptyList());
            ROWS.put(key + "/read", new ArrayList<>(rows));
            env.getConfig().set("execution.runtime-mode", "STREAMING");
            EnvironmentSettings s = EnvironmentSettings.newInstance().inStreamingMode().build();
            ZoneId zone = env.getConfig().getLocalTimeZone();
            env = (TableEnvironmentInternal) TableEnvironment.create(s);
            env.getConfig().setLocalTimeZone(zone);
            env.getConfig().set("parallelism.default", "1");
            env.getConfig().set("execution.target", "judge");
            env.executeSql("CREATE TEMPORARY TABLE sink_read (" + sink.get("plain").asText() + ") WITH ('connector' = 'judge', 'key' = '"
                    + key + "/read', 'mode' = 'I,UB,UA,D', 'zone' = '" + zone.getId() + "')");
            statement("SELECT * FROM sink_read");
        }
    }

    /** Tables of sections: sources and lookups of given rows, sinks that keep what they get. */
    public static final class Connector implements DynamicTableSourceFactory, DynamicTableSinkFactory {
        static final ConfigOption<String> KEY = ConfigOptions.key("key").stringType().noDefaultValue();
        static final ConfigOption<String> MODE = ConfigOptions.key("mode").stringType().noDefaultValue();
        static final ConfigOption<String> ZONE = ConfigOptions.key("zone").stringType().noDefaultValue();

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
            return Set.of();
        }

        @Override
        public DynamicTableSource createDynamicTableSource(Context c) {
            FactoryUtil.TableFactoryHelper h = FactoryUtil.createTableFactoryHelper(this, c);
            RowType type = (RowType) c.getPhysicalRowDataType().getLogicalType();
            String key = h.getOptions().get(KEY);
            List<RowData> rows = ROWS.get(key);
            if (rows == null) {
                rows = read(INPUTS.get(key), type, ZoneId.of(h.getOptions().get(ZONE)));
            }
            return new Source(rows, type, h.getOptions().get(MODE));
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

    private static final class Source implements ScanTableSource, LookupTableSource {
        final List<RowData> rows;
        final RowType type;
        final String mode;

        Source(List<RowData> rows, RowType type, String mode) {
            this.rows = rows;
            this.type = type;
            this.mode = mode;
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
                        Feed feed = new Feed(rows, info.createSerializer(new SerializerConfigImpl()));
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
        public DynamicTableSource copy() {
            return new Source(rows, type, mode);
        }

        @Override
        public String asSummaryString() {
            return "judge";
        }
    }

    /** Gives rows one by one, in order. */
    @SuppressWarnings("deprecation")
    public static final class Feed extends FromElementsFunction<RowData> {
        Feed(List<RowData> rows, TypeSerializer<RowData> s) throws IOException {
            super(s, rows);
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

    private static final class TableSink implements DynamicTableSink {
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

    /** Runs jobs in one cluster of this process, since a cluster for each takes seconds. */
    public static final class Executor implements PipelineExecutorFactory {
        private static MiniCluster cluster;

        static synchronized MiniCluster cluster() throws Exception {
            if (cluster == null) {
                Configuration c = new Configuration();
                c.setString("taskmanager.memory.network.min", "256 mb");
                c.setString("taskmanager.memory.network.max", "256 mb");
                c.setString("taskmanager.memory.managed.size", "512 mb");
                c.setString("rest.port", "0");
                cluster = new MiniCluster(new MiniClusterConfiguration.Builder().setConfiguration(c).withRandomPorts()
                        .setNumTaskManagers(1).setNumSlotsPerTaskManager(32).build());
                cluster.start();
            }
            return cluster;
        }

        @Override
        public String getName() {
            return "judge";
        }

        @Override
        public boolean isCompatibleWith(Configuration c) {
            return "judge".equals(c.getString("execution.target", ""));
        }

        @Override
        public PipelineExecutor getExecutor(Configuration of) {
            return (pipeline, config, loader) -> {
                StreamGraph graph = PipelineExecutorUtils.getStreamGraph(pipeline, config);
                graph.serializeUserDefinedInstances();
                MiniCluster m = cluster();
                return m.submitJob(graph).thenApply(r -> new MiniClusterJobClient(
                        r.getJobID(), m, loader, MiniClusterJobClient.JobFinalizationBehavior.NOTHING));
            };
        }
    }

    // Rows as Flink keeps them, from JSON.

    static List<RowData> read(JsonNode table, RowType type, ZoneId zone) {
        List<RowData> out = new ArrayList<>();
        for (JsonNode line : table.get("rows")) {
            JsonNode row = line.get("row");
            GenericRowData r = (GenericRowData) value(row, type, zone);
            switch (line.get("op").asText()) {
                case "-U": r.setRowKind(RowKind.UPDATE_BEFORE); break;
                case "+U": r.setRowKind(RowKind.UPDATE_AFTER); break;
                case "-D": r.setRowKind(RowKind.DELETE); break;
                default: r.setRowKind(RowKind.INSERT);
            }
            out.add(r);
        }
        return out;
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
                Map<Object, Object> out = new HashMap<>();
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

    private Judge() {}
}
