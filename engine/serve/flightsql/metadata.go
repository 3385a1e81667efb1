package flightsql

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"github.com/apache/arrow/go/v17/arrow/flight/flightsql/schema_ref"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/minkstream/mink/engine/kernel"
)

// told is what a client asks of the catalog: its answer is made when it is fetched.
func told(desc *flight.FlightDescriptor, schema *arrow.Schema) (*flight.FlightInfo, error) {
	return info(desc, desc.Cmd, schema), nil
}

// GetFlightInfoCatalogs and the methods like it say which columns the answer has.
func (h *handler) GetFlightInfoCatalogs(_ context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return told(d, schema_ref.Catalogs)
}

// GetFlightInfoSchemas is of databases.
func (h *handler) GetFlightInfoSchemas(_ context.Context, _ flightsql.GetDBSchemas, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return told(d, schema_ref.DBSchemas)
}

// GetFlightInfoTables is of tables and views.
func (h *handler) GetFlightInfoTables(_ context.Context, c flightsql.GetTables, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	if c.GetIncludeSchema() {
		return told(d, schema_ref.TablesWithIncludedSchema)
	}
	return told(d, schema_ref.Tables)
}

// GetFlightInfoTableTypes is of the kinds of tables.
func (h *handler) GetFlightInfoTableTypes(_ context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return told(d, schema_ref.TableTypes)
}

// GetFlightInfoPrimaryKeys is of the columns of a table's primary key.
func (h *handler) GetFlightInfoPrimaryKeys(_ context.Context, _ flightsql.TableRef, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return told(d, schema_ref.PrimaryKeys)
}

// DoGetCatalogs lists the catalogs.
func (h *handler) DoGetCatalogs(ctx context.Context) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var rows [][]any
	err := h.in(ctx, func(x *session) error {
		names, err := x.ask(ctx, "SHOW CATALOGS")
		for _, n := range names {
			rows = append(rows, []any{n[0]})
		}
		return err
	})
	return answer(schema_ref.Catalogs, rows, err)
}

// DoGetDBSchemas lists databases.
func (h *handler) DoGetDBSchemas(ctx context.Context, c flightsql.GetDBSchemas) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var rows [][]any
	err := h.in(ctx, func(x *session) error {
		return x.catalogs(ctx, c.GetCatalog(), func(cat string) error {
			names, err := x.ask(ctx, "SELECT schema_name FROM "+name(cat)+".information_schema.`schemata`")
			for _, n := range names {
				if matches(c.GetDBSchemaFilterPattern(), n[0]) {
					rows = append(rows, []any{cat, n[0]})
				}
			}
			return err
		})
	})
	return answer(schema_ref.DBSchemas, rows, err)
}

// DoGetTables lists tables and views, with their columns if that is asked for.
func (h *handler) DoGetTables(ctx context.Context, c flightsql.GetTables) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	schema := schema_ref.Tables
	if c.GetIncludeSchema() {
		schema = schema_ref.TablesWithIncludedSchema
	}
	var rows [][]any
	err := h.in(ctx, func(x *session) error {
		return x.catalogs(ctx, c.GetCatalog(), func(cat string) error {
			tables, err := x.ask(ctx, "SELECT table_schema, table_name, table_type FROM "+name(cat)+".information_schema.`tables`")
			for _, t := range tables {
				kind := tableType(t[2])
				if !matches(c.GetDBSchemaFilterPattern(), t[0]) || !matches(c.GetTableNameFilterPattern(), t[1]) ||
					len(c.GetTableTypes()) > 0 && !slices.Contains(c.GetTableTypes(), kind) {
					continue
				}
				row := []any{cat, t[0], t[1], kind}
				if c.GetIncludeSchema() {
					// A table that can only be written to has no columns to read.
					cols, _, err := x.s.Describe(ctx, "SELECT * FROM "+name(cat)+"."+name(t[0])+"."+name(t[1]))
					if err != nil {
						cols = nil
					}
					row = append(row, flight.SerializeSchema(schemaOf(cols, false), memory.DefaultAllocator))
				}
				rows = append(rows, row)
			}
			return err
		})
	})
	return answer(schema, rows, err)
}

// tableTypes are the kinds of tables, as clients call them.
var tableTypes = []string{"TABLE", "VIEW", "MATERIALIZED TABLE", "LOCAL TEMPORARY"}

func tableType(t string) string {
	if t == "BASE TABLE" {
		return "TABLE"
	}
	return t
}

// DoGetTableTypes lists the kinds of tables.
func (h *handler) DoGetTableTypes(context.Context) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var rows [][]any
	for _, t := range tableTypes {
		rows = append(rows, []any{t})
	}
	return answer(schema_ref.TableTypes, rows, nil)
}

// DoGetPrimaryKeys lists the columns of a table's primary key.
func (h *handler) DoGetPrimaryKeys(ctx context.Context, ref flightsql.TableRef) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var rows [][]any
	err := h.in(ctx, func(x *session) error {
		return x.catalogs(ctx, ref.Catalog, func(cat string) error {
			keys, err := x.ask(ctx, "SELECT table_schema, table_name, column_name, ordinal_position, constraint_name FROM "+name(cat)+".information_schema.key_column_usage")
			for _, k := range keys {
				if k[1] != ref.Table || ref.DBSchema != nil && *ref.DBSchema != k[0] {
					continue
				}
				n, _ := strconv.Atoi(k[3])
				rows = append(rows, []any{cat, k[0], k[1], k[2], int32(n), k[4]})
			}
			return err
		})
	})
	return answer(schema_ref.PrimaryKeys, rows, err)
}

// catalogs calls f for one catalog, or for all.
func (x *session) catalogs(ctx context.Context, one *string, f func(cat string) error) error {
	list, err := x.ask(ctx, "SHOW CATALOGS")
	if err != nil {
		return err
	}
	for _, c := range list {
		if one != nil && *one != "" && *one != c[0] {
			continue
		}
		if err := f(c[0]); err != nil {
			return err
		}
	}
	return nil
}

// ask runs a statement and returns its rows as text, NULL as "".
func (x *session) ask(ctx context.Context, sql string) ([][]string, error) {
	op, err := x.s.Execute(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer op.Close()
	var out [][]string
	for {
		b, err := op.Next(ctx)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range b.Rows() {
			row := make([]string, len(b.Cols))
			for k := range b.Cols {
				if lane := b.Lane(i); !b.Cols[k].IsNull(lane) {
					row[k] = string(kernel.AppendText(nil, &b.Cols[k], lane, nil))
				}
			}
			out = append(out, row)
		}
	}
}

// answer is a table of texts, numbers and bytes.
func answer(schema *arrow.Schema, rows [][]any, err error) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	if err != nil {
		return nil, nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, row := range rows {
		for i, v := range row {
			switch v := v.(type) {
			case string:
				b.Field(i).(*array.StringBuilder).Append(v)
			case int32:
				b.Field(i).(*array.Int32Builder).Append(v)
			case []byte:
				b.Field(i).(*array.BinaryBuilder).Append(v)
			}
		}
	}
	out := make(chan flight.StreamChunk, 1)
	out <- flight.StreamChunk{Data: b.NewRecord()}
	close(out)
	return schema, out, nil
}

func name(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// matches reports whether a name meets a pattern with % and _; nil is met by all.
func matches(pattern *string, s string) bool {
	if pattern == nil || *pattern == "" {
		return true
	}
	re := strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(*pattern))
	ok, err := regexp.MatchString("(?s)^"+re+"$", s)
	return err == nil && ok
}
