import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.ArgumentTrait;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.api.dataview.ListView;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.table.functions.ChangelogFunction;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/**
 * The functions that the tests of mink register in Go (go_aggregate_test.go and process_test.go of sqltest), in Java.
 * Constants are INT here and BIGINT there, since Flink 2.3 does not compile a call with a constant of a narrower type.
 */
public final class Functions {
    public static final class Weights {
        public long sum;
        public long weight;
    }

    /** GO_WAVG. */
    public static final class Weighted extends AggregateFunction<Long, Weights> {
        @Override
        public Weights createAccumulator() {
            return new Weights();
        }

        public void accumulate(Weights a, Long value, Long weight) {
            if (value != null && weight != null) {
                a.sum += value * weight;
                a.weight += weight;
            }
        }

        public void retract(Weights a, Long value, Long weight) {
            if (value != null && weight != null) {
                a.sum -= value * weight;
                a.weight -= weight;
            }
        }

        public void merge(Weights a, Iterable<Weights> others) {
            for (Weights o : others) {
                a.sum += o.sum;
                a.weight += o.weight;
            }
        }

        @Override
        public Long getValue(Weights a) {
            return a.weight == 0 ? null : a.sum / a.weight;
        }
    }

    public static final class Text {
        public String text = "";
    }

    /** GO_TRAIL. */
    public static final class Trail extends AggregateFunction<String, Text> {
        @Override
        public Text createAccumulator() {
            return new Text();
        }

        public void accumulate(Text a, String text) {
            if ("bad".equals(text)) {
                throw new IllegalArgumentException("a bad text");
            }
            a.text += ">" + (text == null ? "-" : text);
        }

        @Override
        public String getValue(Text a) {
            return a.text;
        }
    }

    public static final class Number {
        public long n;
    }

    @FunctionHint(output = @DataTypeHint("ROW<n BIGINT>"))
    public static final class Counter extends ProcessTableFunction<Row> {
        public void eval(@StateHint Number s,
                @ArgumentHint(value = {ArgumentTrait.SET_SEMANTIC_TABLE, ArgumentTrait.OPTIONAL_PARTITION_BY}, name = "input") Row input,
                @ArgumentHint(name = "base", isOptional = true) Integer base) {
            s.n++;
            collect(Row.of(s.n + (base == null ? 0 : base)));
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<n BIGINT>"))
    public static final class Visits extends ProcessTableFunction<Row> {
        public void eval(Context c, @StateHint Number s,
                @ArgumentHint(value = {ArgumentTrait.SET_SEMANTIC_TABLE, ArgumentTrait.REQUIRE_ON_TIME}, name = "input") Row input,
                @ArgumentHint(name = "gap") Integer gap) {
            if (gap <= 0) {
                throw new IllegalArgumentException("VISITS takes a gap of a second or more");
            }
            s.n++;
            TimeContext<Long> time = c.timeContext(Long.class);
            time.registerOnTime("end", time.time() + gap * 1000L);
        }

        public void onTimer(OnTimerContext c, Number s) {
            collect(Row.of(s.n));
            c.clearAllState();
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<x STRING, y STRING>"))
    public static final class Pairs extends ProcessTableFunction<Row> {
        public void eval(@StateHint(name = "seenA") ListView<String> seenA, @StateHint(name = "seenB") ListView<String> seenB,
                @ArgumentHint(value = ArgumentTrait.SET_SEMANTIC_TABLE, name = "a") Row a,
                @ArgumentHint(value = ArgumentTrait.SET_SEMANTIC_TABLE, name = "b") Row b) throws Exception {
            String v = (String) (a != null ? a : b).getField(1);
            for (String o : (a != null ? seenB : seenA).get()) {
                String other = o.isEmpty() ? null : o.substring(1);
                collect(a != null ? Row.of(v, other) : Row.of(other, v));
            }
            (a != null ? seenA : seenB).add(v == null ? "" : "=" + v);
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<copy INT>"))
    public static final class Twice extends ProcessTableFunction<Row> {
        public void eval(@ArgumentHint(value = {ArgumentTrait.ROW_SEMANTIC_TABLE, ArgumentTrait.PASS_COLUMNS_THROUGH}, name = "input") Row input) {
            collect(Row.of(1));
            collect(Row.of(2));
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<kind STRING, v BIGINT>"))
    public static final class Kinds extends ProcessTableFunction<Row> {
        public void eval(@ArgumentHint(value = {ArgumentTrait.ROW_SEMANTIC_TABLE, ArgumentTrait.SUPPORT_UPDATES}, name = "input") Row input) {
            collect(Row.of(input.getKind().shortString(), input.getField(1)));
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<kind STRING, v BIGINT>"))
    public static final class KeyKinds extends ProcessTableFunction<Row> {
        public void eval(@ArgumentHint(value = {ArgumentTrait.SET_SEMANTIC_TABLE, ArgumentTrait.SUPPORT_UPDATES}, name = "input") Row input) {
            collect(Row.of(input.getKind().shortString(), input.getField(1)));
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<kind STRING, v BIGINT>"))
    public static final class FullKinds extends ProcessTableFunction<Row> {
        public void eval(@ArgumentHint(value = {ArgumentTrait.SET_SEMANTIC_TABLE, ArgumentTrait.SUPPORT_UPDATES,
                ArgumentTrait.REQUIRE_UPDATE_BEFORE, ArgumentTrait.REQUIRE_FULL_DELETE}, name = "input") Row input) {
            collect(Row.of(input.getKind().shortString(), input.getField(1)));
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<n BIGINT>"))
    public static final class Variety extends ProcessTableFunction<Row> implements ChangelogFunction {
        public void eval(@StateHint(name = "n") Number n, @StateHint(name = "seen") MapView<String, Long> seen,
                @ArgumentHint(value = ArgumentTrait.SET_SEMANTIC_TABLE, name = "input") Row input) throws Exception {
            String v = (String) input.getField(1);
            if (v == null) {
                if (n.n > 0) {
                    n.n = 0;
                    seen.clear();
                    collect(Row.ofKind(RowKind.DELETE, (Object) null));
                }
                return;
            }
            RowKind kind = n.n == 0 ? RowKind.INSERT : RowKind.UPDATE_AFTER;
            if (!seen.contains(v)) {
                seen.put(v, 1L);
                n.n++;
            }
            collect(Row.ofKind(kind, n.n));
        }

        @Override
        public ChangelogMode getChangelogMode(ChangelogContext c) {
            return ChangelogMode.upsert();
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<greeting STRING>"))
    public static final class Hello extends ProcessTableFunction<Row> {
        public void eval(@ArgumentHint(name = "name") String name) {
            collect(Row.of("hello " + name));
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<n BIGINT>"))
    public static final class Broken extends ProcessTableFunction<Row> {
        public void eval(@ArgumentHint(value = ArgumentTrait.ROW_SEMANTIC_TABLE, name = "input") Row input) {
            collect(Row.of("one"));
        }
    }

    @FunctionHint(output = @DataTypeHint("ROW<s STRING>"))
    public static final class Typed extends ProcessTableFunction<Row> {
        public void eval(@ArgumentHint(value = ArgumentTrait.ROW_SEMANTIC_TABLE, name = "input", type = @DataTypeHint("ROW<n BIGINT, s STRING>")) Row input) {
            collect(Row.of(input.getField(1) + "!"));
        }
    }

    private Functions() {}
}
