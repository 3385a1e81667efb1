import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.apache.flink.table.catalog.CatalogBaseTable;
import org.apache.flink.table.catalog.CatalogPartition;
import org.apache.flink.table.catalog.CatalogPartitionImpl;
import org.apache.flink.table.catalog.CatalogPartitionSpec;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.GenericInMemoryCatalog;
import org.apache.flink.table.catalog.ObjectPath;
import org.apache.flink.table.catalog.exceptions.CatalogException;
import org.apache.flink.table.catalog.exceptions.PartitionAlreadyExistsException;
import org.apache.flink.table.catalog.exceptions.PartitionNotExistException;
import org.apache.flink.table.catalog.exceptions.PartitionSpecInvalidException;
import org.apache.flink.table.catalog.exceptions.TableNotExistException;
import org.apache.flink.table.catalog.exceptions.TableNotPartitionedException;
import org.apache.flink.table.utils.PartitionPathUtils;

/**
 * A catalog in memory that knows the partitions of tables of files by their directories, as one behind a metastore
 * does. Flink's own knows those alone that a statement added, and DROP PARTITION leaves the files there.
 */
final class Partitions extends GenericInMemoryCatalog {
    static final String NAME = "files";
    private static final String NULL = "__DEFAULT_PARTITION__";
    private boolean looking;

    Partitions() {
        super(NAME, "default_database");
    }

    @Override
    public List<CatalogPartitionSpec> listPartitions(ObjectPath p) throws TableNotExistException, TableNotPartitionedException {
        look(p);
        return super.listPartitions(p);
    }

    @Override
    public List<CatalogPartitionSpec> listPartitions(ObjectPath p, CatalogPartitionSpec spec)
            throws TableNotExistException, TableNotPartitionedException, PartitionSpecInvalidException {
        look(p);
        List<String> keys = ((CatalogTable) getTable(p)).getPartitionKeys();
        if (!keys.containsAll(spec.getPartitionSpec().keySet())) {
            throw new PartitionSpecInvalidException(getName(), keys, p, spec);
        }
        return super.listPartitions(p, spec);
    }

    @Override
    public boolean partitionExists(ObjectPath p, CatalogPartitionSpec spec) {
        look(p);
        return super.partitionExists(p, spec);
    }

    @Override
    public void createPartition(ObjectPath p, CatalogPartitionSpec spec, CatalogPartition partition, boolean ignore)
            throws TableNotExistException, TableNotPartitionedException, PartitionSpecInvalidException, PartitionAlreadyExistsException {
        super.createPartition(p, spec, partition, ignore);
        if (!looking) {
            try {
                Files.createDirectories(directory((CatalogTable) getTable(p), spec));
            } catch (IOException e) {
                throw new CatalogException(e);
            }
        }
    }

    @Override
    public void dropPartition(ObjectPath p, CatalogPartitionSpec spec, boolean ignore) throws PartitionNotExistException {
        super.dropPartition(p, spec, ignore);
        if (!looking) {
            try {
                CatalogTable t = (CatalogTable) getTable(p);
                Path root = directory(t, spec);
                if (Files.isDirectory(root)) {
                    try (Stream<Path> below = Files.walk(root)) {
                        for (Path f : below.sorted(Comparator.reverseOrder()).collect(Collectors.toList())) {
                            Files.delete(f);
                        }
                    }
                }
            } catch (IOException | TableNotExistException e) {
                throw new CatalogException(e);
            }
        }
    }

    /** Makes the list of a table's partitions what its directories are. */
    private void look(ObjectPath p) {
        if (looking) {
            return;
        }
        looking = true;
        try {
            CatalogBaseTable t = tableExists(p) ? getTable(p) : null;
            if (t instanceof CatalogTable && ((CatalogTable) t).isPartitioned() && t.getOptions().containsKey("path")) {
                List<CatalogPartitionSpec> there = directories((CatalogTable) t);
                for (CatalogPartitionSpec s : super.listPartitions(p)) {
                    if (!there.contains(s)) {
                        super.dropPartition(p, s, true);
                    }
                }
                for (CatalogPartitionSpec s : there) {
                    super.createPartition(p, s, new CatalogPartitionImpl(new HashMap<>(), ""), true);
                }
            }
        } catch (Exception e) {
            throw new CatalogException("the partitions of " + p, e);
        } finally {
            looking = false;
        }
    }

    /** The partitions that have a directory, in the order of their names. */
    private static List<CatalogPartitionSpec> directories(CatalogTable t) throws IOException {
        List<CatalogPartitionSpec> out = new ArrayList<>();
        Path root = Path.of(t.getOptions().get("path"));
        int depth = t.getPartitionKeys().size();
        if (!Files.isDirectory(root)) {
            return out;
        }
        try (Stream<Path> below = Files.walk(root, depth)) {
            for (Path d : below.filter(Files::isDirectory).sorted().collect(Collectors.toList())) {
                Map<String, String> values = new LinkedHashMap<>();
                for (Path part : root.relativize(d)) {
                    String[] kv = part.toString().split("=", 2);
                    if (kv.length == 2) {
                        String v = PartitionPathUtils.unescapePathName(kv[1]);
                        values.put(PartitionPathUtils.unescapePathName(kv[0]), v.equals(NULL) ? null : v);
                    }
                }
                if (values.size() == depth) {
                    out.add(new CatalogPartitionSpec(values));
                }
            }
        }
        return out;
    }

    private static Path directory(CatalogTable t, CatalogPartitionSpec spec) {
        LinkedHashMap<String, String> values = new LinkedHashMap<>();
        for (String k : t.getPartitionKeys()) {
            String v = spec.getPartitionSpec().get(k);
            values.put(k, v == null ? NULL : v);
        }
        return Path.of(t.getOptions().get("path"), PartitionPathUtils.generatePartitionPath(values));
    }
}
