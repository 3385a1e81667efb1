import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.table.api.ResultKind;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.WorkflowSchedulerFactory;
import org.apache.flink.table.gateway.api.SqlGatewayService;
import org.apache.flink.table.gateway.api.operation.OperationHandle;
import org.apache.flink.table.gateway.api.results.ResultSet;
import org.apache.flink.table.gateway.api.results.ResultSetImpl;
import org.apache.flink.table.gateway.api.session.SessionEnvironment;
import org.apache.flink.table.gateway.api.session.SessionHandle;
import org.apache.flink.table.gateway.api.utils.SqlGatewayException;
import org.apache.flink.table.gateway.rest.util.SqlGatewayRestAPIVersion;
import org.apache.flink.table.gateway.service.SqlGatewayServiceImpl;
import org.apache.flink.table.gateway.service.context.DefaultContext;
import org.apache.flink.table.gateway.service.session.SessionManager;
import org.apache.flink.table.gateway.service.utils.SqlExecutionException;
import org.apache.flink.table.refresh.RefreshHandler;
import org.apache.flink.table.refresh.RefreshHandlerSerializer;
import org.apache.flink.table.workflow.CreateRefreshWorkflow;
import org.apache.flink.table.workflow.DeleteRefreshWorkflow;
import org.apache.flink.table.workflow.ModifyRefreshWorkflow;
import org.apache.flink.table.workflow.WorkflowScheduler;

/**
 * A session of Flink's SQL Gateway, for sections of what a table environment does not do: jobs, statement
 * sets of several statements, SET and RESET alone, materialized tables. It has a cluster of its own.
 */
final class Gateway implements AutoCloseable {
    private static SqlGatewayService service;

    private final MiniCluster cluster;
    private final SessionHandle session;

    Gateway(Map<String, String> settings, boolean batch) throws Exception {
        Configuration c = new Configuration();
        c.setString("taskmanager.memory.network.min", "64 mb");
        c.setString("taskmanager.memory.network.max", "64 mb");
        c.setString("taskmanager.memory.managed.size", "64 mb");
        c.setString("rest.port", "0");
        cluster = new MiniCluster(new MiniClusterConfiguration.Builder().setConfiguration(c).withRandomPorts()
                .setNumTaskManagers(1).setNumSlotsPerTaskManager(8).build());
        cluster.start();
        URI rest = cluster.getRestAddress().get();
        Map<String, String> conf = new HashMap<>(settings);
        conf.put("execution.target", "remote");
        conf.put("execution.runtime-mode", batch ? "BATCH" : "STREAMING");
        conf.put("rest.address", rest.getHost());
        conf.put("rest.port", String.valueOf(rest.getPort()));
        session = service().openSession(SessionEnvironment.newBuilder()
                .setSessionEndpointVersion(SqlGatewayRestAPIVersion.getDefaultVersion()).addSessionConfig(conf).build());
    }

    private static synchronized SqlGatewayService service() {
        if (service == null) {
            Configuration c = new Configuration();
            c.setString("workflow-scheduler.type", "judge");
            c.setString("sql-gateway.endpoint.rest.address", "localhost");
            SessionManager sessions = SessionManager.create(new DefaultContext(c, Collections.emptyList()));
            sessions.start();
            service = new SqlGatewayServiceImpl(sessions);
        }
        return service;
    }

    void statement(String text, Judge.Run run) throws Exception {
        try {
            execute(text, run);
        } catch (SqlGatewayException | SqlExecutionException e) {
            Throwable cause = e; // what stands around names the operation by a number
            while ((cause instanceof SqlGatewayException || cause instanceof SqlExecutionException)
                    && cause.getMessage().startsWith("Failed to ") && cause.getCause() != null) {
                cause = cause.getCause();
            }
            throw cause instanceof Exception ? (Exception) cause : e;
        }
    }

    private void execute(String text, Judge.Run run) throws Exception {
        OperationHandle op = service.executeStatement(session, text, -1, new Configuration());
        List<RowData> rows = new ArrayList<>();
        ResultSet last = null;
        for (Long token = 0L; token != null; ) {
            ResultSet r = service.fetchResults(session, op, token, Integer.MAX_VALUE);
            if (r.getResultType() == ResultSet.ResultType.NOT_READY) {
                Thread.sleep(5);
                continue;
            }
            rows.addAll(r.getData());
            token = r.getNextToken();
            last = r;
        }
        if (last.getResultKind() == ResultKind.SUCCESS_WITH_CONTENT && !last.isQueryResult()
                && last.getResultSchema().getColumnNames().get(0).equals("job id") && !text.toUpperCase().contains("JOB")) {
            JobID job = JobID.fromHexString(rows.get(0).getString(0).toString());
            cluster.requestJobResult(job).get().toJobExecutionResult(Gateway.class.getClassLoader());
        } else if (last.getResultKind() == ResultKind.SUCCESS_WITH_CONTENT) {
            run.write(last.getResultSchema().getColumnDataTypes(), rows.iterator(), ((ResultSetImpl) last).getConverter(), !last.isQueryResult());
        }
        service.closeOperation(session, op);
    }

    @Override
    public void close() throws Exception {
        service.closeSession(session);
        cluster.close();
    }

    /** The scheduler of materialized tables: it takes what is to be done and lets nothing happen by the clock. */
    public static final class Scheduler implements WorkflowSchedulerFactory, WorkflowScheduler<Refresh>, RefreshHandlerSerializer<Refresh> {
        @Override
        public String factoryIdentifier() {
            return "judge";
        }

        @Override
        public Set<ConfigOption<?>> requiredOptions() {
            return Set.of();
        }

        @Override
        public Set<ConfigOption<?>> optionalOptions() {
            return Set.of();
        }

        @Override
        public WorkflowScheduler<?> createWorkflowScheduler(Context c) {
            return this;
        }

        @Override
        public void open() {}

        @Override
        public void close() {}

        @Override
        public RefreshHandlerSerializer<Refresh> getRefreshHandlerSerializer() {
            return this;
        }

        @Override
        public Refresh createRefreshWorkflow(CreateRefreshWorkflow w) {
            return new Refresh();
        }

        @Override
        public void modifyRefreshWorkflow(ModifyRefreshWorkflow<Refresh> w) {}

        @Override
        public void deleteRefreshWorkflow(DeleteRefreshWorkflow<Refresh> w) {}

        @Override
        public byte[] serialize(Refresh r) {
            return new byte[0];
        }

        @Override
        public Refresh deserialize(byte[] bytes, ClassLoader loader) {
            return new Refresh();
        }
    }

    public static final class Refresh implements RefreshHandler {
        @Override
        public String asSummaryString() {
            return "judge";
        }
    }
}
