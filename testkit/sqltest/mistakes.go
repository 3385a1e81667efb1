package sqltest

import (
	"os"
	"strings"
)

// Mistake is a section of testdata/errors/*.txt:
//
//	# what is wrong
//	statements
//	----
//	what mink says
//	flink: what Flink says
//
// Of several statements the last one fails. A section without ---- goes before those
// that follow. Flink's words come from TestMistakes of testkit/flink, but for those that
// begin with "gateway:", of its SQL Gateway, and "own:", where Flink has nothing of the
// kind.
type Mistake struct {
	Title, SQL, Want, Flink string
	Line                    int
}

// Mistakes are those of a file.
type Mistakes struct {
	Setup string
	List  []*Mistake
}

// ReadMistakes reads a file.
func ReadMistakes(file string) (*Mistakes, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := &Mistakes{}
	line := 1
	for block := range strings.SplitSeq(strings.TrimRight(string(text), "\n"), "\n\n") {
		at := line
		line += strings.Count(block, "\n") + 2
		sql, want, ok := strings.Cut(block, "\n----\n")
		title := ""
		for strings.HasPrefix(sql, "# ") {
			head, rest, _ := strings.Cut(sql, "\n")
			title, sql = strings.TrimSpace(title+" "+head[2:]), rest
		}
		if !ok {
			f.Setup += sql + "\n"
			continue
		}
		want, flink, _ := strings.Cut("\n"+want, "\nflink: ")
		f.List = append(f.List, &Mistake{title, sql, strings.TrimPrefix(want, "\n"), flink, at})
	}
	return f, nil
}

// Text is the file as it is written.
func (f *Mistakes) Text() string {
	var out strings.Builder
	if f.Setup != "" {
		out.WriteString(f.Setup + "\n")
	}
	for _, m := range f.List {
		out.WriteString("# " + m.Title + "\n" + m.SQL + "\n----\n" + m.Want + "\nflink: " + m.Flink + "\n\n")
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}
