package container

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func plainAddress(address string) string { return address }

var postgres = &kind{
	name: "postgres", image: "postgres:16-alpine", port: "5432", patience: time.Minute,
	env:   map[string]string{"POSTGRES_HOST_AUTH_METHOD": "trust"},
	args:  []string{"postgres", "-c", "wal_level=logical", "-c", "fsync=off"},
	dsn:   func(a string) string { return "postgres://postgres@" + a + "/postgres?sslmode=disable" },
	local: localPostgres,
	hello: func(c net.Conn) error { // SSLRequest is answered by one letter
		if _, err := c.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
			return err
		}
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return err
		}
		if b[0] != 'N' && b[0] != 'S' {
			return fmt.Errorf("it answers %q", b[:])
		}
		return nil
	},
}

func localPostgres(h *here) error {
	const debian = "/usr/lib/postgresql/*/bin"
	initdb, err := program("initdb", debian)
	if err != nil {
		return err
	}
	server, err := program("postgres", debian)
	if err != nil {
		return err
	}
	if err := h.notRoot("postgres"); err != nil {
		return err
	}
	data := filepath.Join(h.dir, "data")
	if err := h.run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"); err != nil {
		return err
	}
	return h.serve(server, "-D", data, "-p", h.port, "-h", "127.0.0.1", "-k", h.dir, "-c", "fsync=off", "-c", "wal_level=logical")
}

var mysql = &kind{
	name: "mysql", image: "mariadb:11", port: "3306", patience: 2 * time.Minute,
	env:   map[string]string{"MARIADB_USER": "mink", "MARIADB_PASSWORD": "mink", "MARIADB_DATABASE": "mink", "MARIADB_RANDOM_ROOT_PASSWORD": "1"},
	args:  []string{"--log-bin", "--binlog-format=ROW", "--server-id=1"},
	dsn:   func(a string) string { return "mink:mink@tcp(" + a + ")/mink" },
	local: localMySQL,
	hello: func(c net.Conn) error { // a greeting: length, number, version 10 of the protocol
		var b [5]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return err
		}
		if b[4] != 10 {
			return fmt.Errorf("it answers %d", b[4])
		}
		return nil
	},
}

func localMySQL(h *here) error {
	server, err := program("mariadbd")
	install := ""
	if err == nil {
		install, err = program("mariadb-install-db")
	} else {
		server, err = program("mysqld")
	}
	if err != nil {
		return absentf("no program mariadbd or mysqld")
	}
	if err := h.notRoot("mysql"); err != nil {
		return err
	}
	data := filepath.Join(h.dir, "data")
	if install != "" {
		err = h.run(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	} else {
		err = h.run(server, "--no-defaults", "--initialize-insecure", "--datadir="+data)
	}
	if err != nil {
		return err
	}
	first := filepath.Join(h.dir, "first.sql")
	sql := "CREATE DATABASE IF NOT EXISTS mink;\nCREATE USER IF NOT EXISTS 'mink'@'%' IDENTIFIED BY 'mink';\nGRANT ALL ON *.* TO 'mink'@'%';\n" +
		"CREATE USER IF NOT EXISTS 'mink'@'localhost' IDENTIFIED BY 'mink';\nGRANT ALL ON *.* TO 'mink'@'localhost';\n"
	if err := os.WriteFile(first, []byte(sql), 0o644); err != nil {
		return err
	}
	return h.serve(server, "--no-defaults", "--datadir="+data, "--port="+h.port, "--bind-address=127.0.0.1", "--socket="+filepath.Join(h.dir, "s.sock"),
		"--pid-file="+filepath.Join(h.dir, "pid"), "--init-file="+first, "--log-bin="+filepath.Join(h.dir, "bin"), "--binlog-format=ROW", "--server-id=1")
}

var redis = &kind{
	name: "redis", image: "redis:7-alpine", port: "6379", patience: 30 * time.Second,
	dsn: func(a string) string { return "redis://" + a + "/0" },
	local: func(h *here) error {
		server, err := program("redis-server")
		if err != nil {
			return err
		}
		return h.serve(server, "--port", h.port, "--bind", "127.0.0.1", "--save", "", "--dir", h.dir)
	},
	hello: func(c net.Conn) error {
		if _, err := io.WriteString(c, "PING\r\n"); err != nil {
			return err
		}
		return answers(c, "+PONG")
	},
}

var nats = &kind{
	name: "nats", image: "nats:2-alpine", port: "4222", patience: 30 * time.Second, args: []string{"-js"},
	dsn: func(a string) string { return "nats://" + a },
	local: func(h *here) error {
		server, err := program("nats-server")
		if err != nil {
			return err
		}
		return h.serve(server, "-a", "127.0.0.1", "-p", h.port, "-js", "-sd", h.dir)
	},
	hello: func(c net.Conn) error { return answers(c, "INFO ") },
}

// answers reads a line and looks how it begins.
func answers(c net.Conn, want string) error {
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, want) {
		return fmt.Errorf("it answers %q", line)
	}
	return nil
}
