import java.net.URI;
import java.util.Collections;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.table.gateway.rest.SqlGatewayRestEndpoint;
import org.apache.flink.table.gateway.service.SqlGatewayServiceImpl;
import org.apache.flink.table.gateway.service.context.DefaultContext;
import org.apache.flink.table.gateway.service.session.SessionManager;

/** A cluster and a SQL Gateway, with REST; it prints both addresses, and ends with its standard input. */
final class Rest {
    public static void main(String[] args) throws Exception {
        Configuration c = new Configuration();
        c.setString("taskmanager.memory.network.min", "64 mb");
        c.setString("taskmanager.memory.network.max", "64 mb");
        c.setString("taskmanager.memory.managed.size", "64 mb");
        c.setString("rest.port", "0");
        try (MiniCluster cluster = new MiniCluster(new MiniClusterConfiguration.Builder().setConfiguration(c).withRandomPorts()
                .setNumTaskManagers(1).setNumSlotsPerTaskManager(8).build())) {
            cluster.start();
            URI rest = cluster.getRestAddress().get();
            Configuration g = new Configuration();
            g.setString("execution.target", "remote");
            g.setString("rest.address", rest.getHost());
            g.setString("rest.port", String.valueOf(rest.getPort()));
            Configuration own = new Configuration();
            own.setString("rest.address", "127.0.0.1");
            own.setString("rest.bind-address", "127.0.0.1");
            own.setString("rest.bind-port", "0");
            SessionManager sessions = SessionManager.create(new DefaultContext(g, Collections.emptyList()));
            sessions.start();
            SqlGatewayRestEndpoint endpoint = new SqlGatewayRestEndpoint(own, new SqlGatewayServiceImpl(sessions));
            endpoint.start();
            System.out.println("gateway http://127.0.0.1:" + endpoint.getServerAddress().getPort());
            System.out.println("rest " + rest);
            System.out.flush();
            while (System.in.read() >= 0) {}
            endpoint.stop();
            sessions.stop();
        }
        System.exit(0);
    }
}
