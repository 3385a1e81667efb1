package cli

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dapClient is the client that debug adapters for Visual Studio Code are tested with.
const dapClient = "@vscode/debugadapter-testsupport@1.68.0"

// TestDebugForeignClient drives mink debug --dap with a client that is not mink's: breakpoints
// with conditions, stepping both ways, scopes, watches, the console, a job that failed.
func TestDebugForeignClient(t *testing.T) {
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("installs a package of npm: MINK_ALL=1")
	}
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed: no client of another make drives mink debug --dap")
		}
	}
	dir := t.TempDir()
	install := exec.Command("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", dir, dapClient)
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install %s: %v\n%s", dapClient, err, out)
	}
	client, err := os.ReadFile("testdata/dap_client.js")
	if err != nil {
		t.Fatal(err)
	}
	const script = `CREATE TABLE orders (id BIGINT, sku STRING, amt DECIMAL(9,2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector'='filesystem', 'path'='orders.csv', 'format'='csv');
CREATE TABLE revenue (sku STRING, window_start TIMESTAMP(3), window_end TIMESTAMP(3), total DECIMAL(38,2)) WITH ('connector'='print');
INSERT INTO revenue SELECT sku, window_start, window_end, SUM(amt)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE amt > 0
GROUP BY sku, window_start, window_end;
`
	for name, text := range map[string]string{
		"client.js": string(client), "job.sql": script, "broken.sql": strings.Replace(script, "orders.csv", "nowhere.csv", 1),
		"orders.csv": strings.Replace(liveOrders, "8,B-02", "7,A-17,5.00,2026-08-22 11:54:10\n8,B-02", 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := minkCommand(t, dir, "debug", "--dap=0")
	said, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	port := strings.TrimSpace(line[strings.LastIndex(line, ":")+1:])
	drive := exec.Command("node", "client.js", port, filepath.Join(dir, "job.sql"))
	drive.Dir = dir
	timer := time.AfterFunc(2*time.Minute, func() { _ = drive.Process.Kill() })
	defer timer.Stop()
	out, err := drive.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "done") {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "continue breakpoint Calc[2] 6\n") {
		t.Errorf("the stop is not where the breakpoint was set:\n%s", out)
	}
}
