package catalog

import (
	"strings"

	"github.com/minkstream/mink/engine/types"
)

// informationColumns are the tables of information_schema with their columns, those of
// the SQL standard that have a meaning here; remarks hold the comment. A type follows a name that
// is no text.
var informationColumns = []struct{ table, columns string }{
	{"columns", "table_catalog table_schema table_name column_name ordinal_position:INT is_nullable data_type character_maximum_length:INT " +
		"numeric_precision:INT numeric_scale:INT datetime_precision:INT is_generated generation_expression is_metadata remarks"},
	{"key_column_usage", "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name column_name ordinal_position:INT"},
	{"materialized_tables", "table_catalog table_schema table_name mode freshness_interval start_mode status job_id savepoint_path definition"},
	{"models", "model_catalog model_schema model_name remarks"},
	{"routines", "routine_catalog routine_schema routine_name routine_type external_language routine_definition"},
	{"schemata", "catalog_name schema_name remarks"},
	{"table_constraints", "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name constraint_type enforced"},
	{"table_options", "table_catalog table_schema table_name option_name option_value"},
	{"tables", "table_catalog table_schema table_name table_type is_insertable_into remarks"},
	{"views", "table_catalog table_schema table_name view_definition check_option is_updatable"},
}

// informationTables are the tables of information_schema of a catalog. They have no
// connector: the binder makes their rows.
func informationTables(cat string) []*Table {
	out := make([]*Table, len(informationColumns))
	for i, d := range informationColumns {
		t := &Table{Path: Path{cat, InformationSchema, d.table}}
		for _, c := range strings.Fields(d.columns) {
			name, typ, _ := strings.Cut(c, ":")
			col := Column{Name: name, Type: types.StringT}
			if typ == "INT" {
				col.Type = types.IntT
			}
			t.Columns = append(t.Columns, col)
		}
		out[i] = t
	}
	return out
}
