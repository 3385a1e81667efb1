import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.apache.flink.client.deployment.executors.PipelineExecutorUtils;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.PipelineExecutor;
import org.apache.flink.core.execution.PipelineExecutorFactory;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.minicluster.MiniClusterJobClient;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ResultKind;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.internal.TableEnvironmentInternal;
import org.apache.flink.table.api.internal.TableResultInternal;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.operations.DescribeTableOperation;
import org.apache.flink.table.operations.ModifyOperation;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.QueryOperation;
import org.apache.flink.table.operations.StatementSetOperation;
import org.apache.flink.table.operations.command.ResetOperation;
import org.apache.flink.table.operations.command.SetOperation;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeFamily;
import org.apache.flink.table.utils.print.RowDataToStringConverter;
import org.apache.flink.util.CloseableIterator;

/**
 * Runs sections of SQL tests on Apache Flink in this process: a line of JSON a section on
 * standard input, a line with what came out on standard output. The Go side (flink.go) writes
 * and reads them.
 */
public final class Judge {
    private static final int SECONDS_MAX = 120;

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
            JsonNode section = Rows.JSON.readTree(line);
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
    static final class Run {
        final JsonNode section;
        final ExecutorService timed;
        final ObjectNode answer = Rows.JSON.createObjectNode();
        TableEnvironmentInternal env;
        Gateway gateway; // null where env is in use
        ZoneId zone;
        boolean json; // nested values come as JSON, which a sink of sections holds
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
            close();
            answer.put("phase", phase);
            answer.put("ms", (System.nanoTime() - begin) / 1_000_000);
            return answer;
        }

        void close() {
            if (gateway != null) {
                try {
                    gateway.close();
                } catch (Exception e) {
                    e.printStackTrace();
                }
                gateway = null;
            }
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

        void open() throws Exception {
            boolean batch = section.get("batch").asBoolean();
            Map<String, String> settings = new HashMap<>();
            section.get("settings").fields().forEachRemaining(e -> settings.put(e.getKey(), e.getValue().asText()));
            zone = ZoneId.of(settings.get("table.local-time-zone"));
            if (section.path("gateway").asBoolean()) {
                gateway = new Gateway(settings, batch);
            } else {
                EnvironmentSettings.Builder b = EnvironmentSettings.newInstance();
                env = (TableEnvironmentInternal) TableEnvironment.create((batch ? b.inBatchMode() : b.inStreamingMode()).build());
                settings.forEach(env.getConfig()::set);
                if (section.path("partitions").asBoolean()) {
                    env.registerCatalog(Partitions.NAME, new Partitions());
                    env.useCatalog(Partitions.NAME);
                }
            }
            for (JsonNode f : section.path("functions")) {
                statement("CREATE TEMPORARY SYSTEM FUNCTION " + f.get("name").asText() + " AS '" + f.get("class").asText() + "'");
            }
            for (JsonNode t : section.get("tables")) {
                table(t);
            }
            if (section.hasNonNull("sink")) {
                table(section.get("sink"));
            }
        }

        void table(JsonNode t) throws Exception {
            String key = section.get("id").asText() + "/" + t.get("name").asText();
            Tables.INPUTS.put(key, t);
            statement("CREATE TEMPORARY TABLE " + t.get("name").asText() + " (" + t.get("columns").asText()
                    + ") WITH ('connector' = 'judge', 'key' = '" + key + "', 'mode' = '" + t.get("mode").asText()
                    + "', 'zone' = '" + zone.getId() + "'" + (section.has("linger") ? ", 'linger' = '" + section.get("linger").asText() + "'" : "") + ")");
        }

        void statement(String text) throws Exception {
            if (gateway != null) {
                gateway.statement(text, this);
                return;
            }
            List<Operation> parsed = env.getParser().parse(text);
            Operation op = parsed.get(0);
            if (op instanceof SetOperation && ((SetOperation) op).getKey().isPresent()) {
                env.getConfig().set(((SetOperation) op).getKey().get(), ((SetOperation) op).getValue().get());
            } else if (op instanceof ResetOperation && ((ResetOperation) op).getKey().isPresent()) {
                env.getConfig().getConfiguration().removeKey(((ResetOperation) op).getKey().get());
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
                    if (op instanceof DescribeTableOperation && ((DescribeTableOperation) op).isExtended()) {
                        Statistics.add(answer, env, ((DescribeTableOperation) op).getSqlIdentifier());
                    }
                }
            }
        }

        void await(TableResultInternal r) throws Exception {
            job = r.getJobClient().orElse(null);
            r.await();
        }

        void rows(TableResultInternal r, boolean info) throws Exception {
            job = r.getJobClient().orElse(null);
            try (CloseableIterator<RowData> it = r.collectInternal()) {
                write(r.getResolvedSchema().getColumnDataTypes(), it, r.getRowDataToStringConverter(), info);
            }
        }

        /** Takes rows for the answer. */
        void write(List<DataType> columns, Iterator<RowData> it, RowDataToStringConverter text, boolean info) {
            ArrayNode types = Rows.JSON.createArrayNode();
            ArrayNode rows = Rows.JSON.createArrayNode();
            columns.forEach(t -> types.add(t.getLogicalType().getTypeRoot().name()));
            while (it.hasNext()) {
                RowData row = it.next();
                String[] cells = text.convert(row);
                ArrayNode one = Rows.JSON.createArrayNode();
                one.add(row.getRowKind().shortString());
                for (int i = 0; i < cells.length; i++) {
                    LogicalType t = columns.get(i).getLogicalType();
                    one.add(row.isNullAt(i) ? null : json && t.getTypeRoot().getFamilies().contains(LogicalTypeFamily.CONSTRUCTED)
                            ? Rows.json(RowData.createFieldGetter(t, i).getFieldOrNull(row), t).toString() : cells[i]);
                }
                rows.add(one);
            }
            answer.set("types", types);
            answer.set("rows", rows);
            answer.put("info", info);
        }

        /** Reads what a sink has got through a table without key, which lets all changes pass. */
        void readSink(JsonNode sink) throws Exception {
            String key = section.get("id").asText() + "/" + sink.get("name").asText();
            List<RowData> rows = Tables.ROWS.getOrDefault(key, Collections.emptyList());
            Tables.ROWS.put(key + "/read", new ArrayList<>(rows));
            EnvironmentSettings s = EnvironmentSettings.newInstance().inStreamingMode().build();
            if (gateway == null) {
                zone = env.getConfig().getLocalTimeZone();
            }
            close();
            env = (TableEnvironmentInternal) TableEnvironment.create(s);
            env.getConfig().setLocalTimeZone(zone);
            env.getConfig().set("parallelism.default", "1");
            env.getConfig().set("execution.target", "judge");
            env.executeSql("CREATE TEMPORARY TABLE sink_read (" + sink.get("plain").asText() + ") WITH ('connector' = 'judge', 'key' = '"
                    + key + "/read', 'mode' = 'I,UB,UA,D', 'zone' = '" + zone.getId() + "')");
            json = true;
            statement("SELECT * FROM sink_read");
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

    private Judge() {}
}
