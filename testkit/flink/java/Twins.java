import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

import org.apache.flink.streaming.api.legacy.io.CollectionInputFormat;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.InputFormatProvider;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.lookup.AsyncLookupFunctionProvider;
import org.apache.flink.table.connector.source.lookup.FullCachingLookupProvider;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.connector.source.lookup.LookupOptions;
import org.apache.flink.table.connector.source.lookup.PartialCachingAsyncLookupProvider;
import org.apache.flink.table.connector.source.lookup.PartialCachingLookupProvider;
import org.apache.flink.table.connector.source.lookup.cache.DefaultLookupCache;
import org.apache.flink.table.connector.source.lookup.cache.LookupCache;
import org.apache.flink.table.connector.source.lookup.cache.trigger.CacheReloadTrigger;
import org.apache.flink.table.connector.source.lookup.cache.trigger.TimedCacheReloadTrigger;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.ModelProviderFactory;
import org.apache.flink.table.functions.AsyncLookupFunction;
import org.apache.flink.table.functions.AsyncPredictFunction;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.table.functions.PredictFunction;
import org.apache.flink.table.ml.AsyncPredictRuntimeProvider;
import org.apache.flink.table.ml.ModelProvider;
import org.apache.flink.table.ml.PredictRuntimeProvider;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/** The connector and the model provider of mink's tests (testkit/lookup, testkit/linear), for Flink. */
final class Twins {
    /** 'connector' = 'model-lookup': see the package comment and the options of testkit/lookup. */
    public static final class Lookups implements DynamicTableSourceFactory {
        static final ConfigOption<String> ROWS = ConfigOptions.key("rows").stringType().defaultValue("");
        static final ConfigOption<String> MODE = ConfigOptions.key("mode").stringType().defaultValue("both");
        static final ConfigOption<Integer> MISSES = ConfigOptions.key("misses").intType().defaultValue(0);
        static final ConfigOption<String> DELAY = ConfigOptions.key("delay").stringType().defaultValue("0 ms");
        static final ConfigOption<String> FAIL_ON = ConfigOptions.key("fail-on").stringType().noDefaultValue();
        static final ConfigOption<Integer> READS_MAX = ConfigOptions.key("reads-max").intType().defaultValue(0);

        @Override
        public String factoryIdentifier() {
            return "model-lookup";
        }

        @Override
        public Set<ConfigOption<?>> requiredOptions() {
            return Set.of();
        }

        @Override
        public Set<ConfigOption<?>> optionalOptions() {
            return new HashSet<>(List.of(ROWS, MODE, MISSES, DELAY, FAIL_ON, READS_MAX, LookupOptions.CACHE_TYPE, LookupOptions.MAX_RETRIES,
                    LookupOptions.PARTIAL_CACHE_MAX_ROWS, LookupOptions.PARTIAL_CACHE_CACHE_MISSING_KEY,
                    LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_ACCESS, LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_WRITE,
                    LookupOptions.FULL_CACHE_RELOAD_STRATEGY, LookupOptions.FULL_CACHE_PERIODIC_RELOAD_INTERVAL,
                    LookupOptions.FULL_CACHE_TIMED_RELOAD_ISO_TIME, LookupOptions.FULL_CACHE_TIMED_RELOAD_INTERVAL_IN_DAYS));
        }

        @Override
        public DynamicTableSource createDynamicTableSource(Context c) {
            FactoryUtil.TableFactoryHelper h = FactoryUtil.createTableFactoryHelper(this, c);
            h.validate();
            return new Looked(h.getOptions(), (RowType) c.getPhysicalRowDataType().getLogicalType());
        }
    }

    private static final class Looked implements LookupTableSource, ScanTableSource {
        final ReadableConfig options;
        final RowType type;

        Looked(ReadableConfig options, RowType type) {
            this.options = options;
            this.type = type;
        }

        static List<RowData> rows(String text, RowType type) {
            List<RowData> out = new ArrayList<>();
            for (String line : text.split(";")) {
                String[] cells = line.split(",", -1);
                GenericRowData r = new GenericRowData(type.getFieldCount());
                for (int i = 0; i < cells.length; i++) {
                    boolean number = type.getTypeAt(i).is(LogicalTypeRoot.INTEGER);
                    r.setField(i, cells[i].isEmpty() ? null : number ? Integer.parseInt(cells[i]) : StringData.fromString(cells[i]));
                }
                out.add(r);
            }
            return out;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext c) {
            return InputFormatProvider.of(new CollectionInputFormat<>(rows(options.get(Lookups.ROWS), type), InternalTypeInfo.of(type).toRowSerializer()));
        }

        @Override
        public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext c) {
            int[] keys = Arrays.stream(c.getKeys()).mapToInt(k -> k[0]).toArray();
            Asked asked = new Asked(this, keys);
            String mode = options.get(Lookups.MODE);
            if (options.get(LookupOptions.CACHE_TYPE) == LookupOptions.LookupCacheType.FULL) {
                boolean timed = options.get(LookupOptions.FULL_CACHE_RELOAD_STRATEGY) == LookupOptions.ReloadStrategy.TIMED;
                return FullCachingLookupProvider.of(getScanRuntimeProvider(null), timed ? TimedCacheReloadTrigger.fromConfig(options) : new Once());
            }
            if (options.get(LookupOptions.CACHE_TYPE) == LookupOptions.LookupCacheType.PARTIAL) {
                LookupCache cache = DefaultLookupCache.fromConfig(options);
                return mode.equals("sync") ? PartialCachingLookupProvider.of(new Sync(asked), cache)
                        : PartialCachingAsyncLookupProvider.of(new Async(asked), cache);
            }
            switch (mode) {
                case "sync": return LookupFunctionProvider.of(new Sync(asked));
                case "async": return AsyncLookupFunctionProvider.of(new Async(asked));
                default: return new Both(asked);
            }
        }

        @Override
        public DynamicTableSource copy() {
            return new Looked(options, type);
        }

        @Override
        public String asSummaryString() {
            return "model-lookup";
        }
    }

    private static final class Once implements CacheReloadTrigger {
        @Override
        public void open(Context c) {
            c.triggerReload();
        }

        @Override
        public void close() {}
    }

    private static final class Both implements LookupFunctionProvider, AsyncLookupFunctionProvider {
        final Asked asked;

        Both(Asked asked) {
            this.asked = asked;
        }

        @Override
        public LookupFunction createLookupFunction() {
            return new Sync(asked);
        }

        @Override
        public AsyncLookupFunction createAsyncLookupFunction() {
            return new Async(asked);
        }
    }

    /** What a reader answers, which counts how often each key was read. */
    private static final class Asked implements java.io.Serializable {
        transient List<RowData> rows; // made where it runs
        final String text;
        final RowType type;
        final int[] keys;
        final int misses;
        final int readsMax;
        final String failOn;
        final boolean waits;
        final Map<String, Integer> reads = new ConcurrentHashMap<>();

        Asked(Looked t, int[] keys) {
            text = t.options.get(Lookups.ROWS);
            type = t.type;
            this.keys = keys;
            misses = t.options.get(Lookups.MISSES);
            readsMax = t.options.get(Lookups.READS_MAX);
            failOn = t.options.getOptional(Lookups.FAIL_ON).orElse(null);
            waits = !t.options.get(Lookups.DELAY).equals("0 ms");
        }

        Collection<RowData> get(RowData key) throws IOException {
            synchronized (this) {
                if (rows == null) {
                    rows = Looked.rows(text, type);
                }
            }
            StringBuilder text = new StringBuilder();
            Object[] k = new Object[keys.length];
            for (int i = 0; i < keys.length; i++) {
                k[i] = field(key, i, keys[i]);
                if (k[i] == null) {
                    return Collections.emptyList();
                }
                text.append(i > 0 ? "|" : "").append(k[i]);
            }
            int n = reads.merge(text.toString(), 1, Integer::sum);
            if (text.toString().equals(failOn)) {
                throw new IOException("the model fails on key " + text);
            }
            if (readsMax > 0 && n > readsMax) {
                throw new IOException("key " + text + " is read " + n + " times");
            }
            if (waits && k[0] instanceof Integer && (Integer) k[0] % 2 == 0) {
                try {
                    Thread.sleep(2);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            List<RowData> out = new ArrayList<>();
            for (RowData r : n <= misses ? Collections.<RowData>emptyList() : rows) {
                boolean same = true;
                for (int i = 0; i < keys.length; i++) {
                    same = same && k[i].equals(field(r, keys[i], keys[i]));
                }
                if (same) {
                    out.add(r);
                }
            }
            return out;
        }

        Object field(RowData r, int at, int column) {
            return RowData.createFieldGetter(type.getTypeAt(column), at).getFieldOrNull(r);
        }
    }

    public static final class Sync extends LookupFunction {
        final Asked asked;

        Sync(Asked asked) {
            this.asked = asked;
        }

        @Override
        public Collection<RowData> lookup(RowData key) throws IOException {
            return asked.get(key);
        }
    }

    public static final class Async extends AsyncLookupFunction {
        final Asked asked;

        Async(Asked asked) {
            this.asked = asked;
        }

        @Override
        public CompletableFuture<Collection<RowData>> asyncLookup(RowData key) {
            return CompletableFuture.supplyAsync(() -> {
                try {
                    return asked.get(key);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
        }
    }

    /** 'provider' = 'linear': a weighted sum of the inputs; see testkit/linear. */
    public static final class Linear implements ModelProviderFactory {
        static final ConfigOption<String> WEIGHTS = ConfigOptions.key("weights").stringType().noDefaultValue();
        static final ConfigOption<Double> BIAS = ConfigOptions.key("bias").doubleType().defaultValue(0.0);
        static final ConfigOption<String> MODES = ConfigOptions.key("modes").stringType().defaultValue("both");
        static final ConfigOption<String> ANSWERS = ConfigOptions.key("answers").stringType().defaultValue("one");
        static final ConfigOption<Double> FAILS_AT = ConfigOptions.key("fails-at").doubleType().noDefaultValue();

        @Override
        public String factoryIdentifier() {
            return "linear";
        }

        @Override
        public Set<ConfigOption<?>> requiredOptions() {
            return Set.of(WEIGHTS);
        }

        @Override
        public Set<ConfigOption<?>> optionalOptions() {
            return Set.of(BIAS, MODES, ANSWERS, FAILS_AT);
        }

        @Override
        public ModelProvider createModelProvider(Context c) {
            FactoryUtil.ModelProviderFactoryHelper h = FactoryUtil.createModelProviderFactoryHelper(this, c);
            h.validate();
            List<DataType> in = c.getCatalogModel().getResolvedInputSchema().getColumnDataTypes();
            List<DataType> out = c.getCatalogModel().getResolvedOutputSchema().getColumnDataTypes();
            Sum sum = new Sum(h.getOptions(), out.size());
            if (sum.weights.length != in.size()) {
                throw new IllegalArgumentException("a linear model has a weight for each input");
            }
            if (in.stream().anyMatch(t -> !is(t, LogicalTypeRoot.DOUBLE)) || out.size() > 2 || !is(out.get(0), LogicalTypeRoot.DOUBLE)
                    || out.size() == 2 && !is(out.get(1), LogicalTypeRoot.VARCHAR)) {
                throw new IllegalArgumentException("a linear model takes DOUBLE and gives a DOUBLE, and a STRING if wanted");
            }
            switch (h.getOptions().get(MODES)) {
                case "sync": return new SyncModel(sum);
                case "async": return new AsyncModel(sum);
                default: return new BothModel(sum);
            }
        }

        static boolean is(DataType t, LogicalTypeRoot root) {
            LogicalType l = t.getLogicalType();
            return l.is(root);
        }
    }

    private static final class Sum implements java.io.Serializable {
        final double[] weights;
        final double bias;
        final String answers;
        final Double failsAt;
        final int outputs;

        Sum(ReadableConfig o, int outputs) {
            weights = Arrays.stream(o.get(Linear.WEIGHTS).split(";")).mapToDouble(Double::parseDouble).toArray();
            bias = o.get(Linear.BIAS);
            answers = o.get(Linear.ANSWERS);
            failsAt = o.getOptional(Linear.FAILS_AT).orElse(null);
            this.outputs = outputs;
        }

        Collection<RowData> predict(RowData in) {
            double sum = bias;
            boolean nothing = false;
            for (int i = 0; i < weights.length; i++) {
                Object v = ((GenericRowData) in).getField(i); // Flink checks that numbers fit and does not cast them
                nothing = nothing || v == null;
                sum += nothing ? 0 : weights[i] * ((Number) v).doubleValue();
            }
            if (failsAt != null && sum == failsAt) {
                throw new IllegalStateException("the sum is " + sum);
            }
            GenericRowData r = new GenericRowData(outputs);
            if (!nothing) {
                r.setField(0, sum);
                if (outputs > 1) {
                    r.setField(1, StringData.fromString(sum < 0 ? "negative" : "positive"));
                }
            }
            switch (answers) {
                case "two": return List.of(r, r);
                case "positive": return nothing || sum >= 0 ? List.of(r) : List.of();
                default: return List.of(r);
            }
        }
    }

    public static final class Predict extends PredictFunction {
        final Sum sum;

        Predict(Sum sum) {
            this.sum = sum;
        }

        @Override
        public Collection<RowData> predict(RowData in) {
            return sum.predict(in);
        }
    }

    public static final class PredictLater extends AsyncPredictFunction {
        final Sum sum;

        PredictLater(Sum sum) {
            this.sum = sum;
        }

        @Override
        public CompletableFuture<Collection<RowData>> asyncPredict(RowData in) {
            return CompletableFuture.supplyAsync(() -> sum.predict(in));
        }
    }

    private static final class SyncModel implements PredictRuntimeProvider {
        final Sum sum;

        SyncModel(Sum sum) {
            this.sum = sum;
        }

        @Override
        public PredictFunction createPredictFunction(Context c) {
            return new Predict(sum);
        }

        @Override
        public ModelProvider copy() {
            return this;
        }
    }

    private static final class AsyncModel implements AsyncPredictRuntimeProvider {
        final Sum sum;

        AsyncModel(Sum sum) {
            this.sum = sum;
        }

        @Override
        public AsyncPredictFunction createAsyncPredictFunction(Context c) {
            return new PredictLater(sum);
        }

        @Override
        public ModelProvider copy() {
            return this;
        }
    }

    private static final class BothModel implements PredictRuntimeProvider, AsyncPredictRuntimeProvider {
        final Sum sum;

        BothModel(Sum sum) {
            this.sum = sum;
        }

        @Override
        public PredictFunction createPredictFunction(Context c) {
            return new Predict(sum);
        }

        @Override
        public AsyncPredictFunction createAsyncPredictFunction(Context c) {
            return new PredictLater(sum);
        }

        @Override
        public ModelProvider copy() {
            return this;
        }
    }

    private Twins() {}
}
