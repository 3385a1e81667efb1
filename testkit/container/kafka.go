package container

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// kafkaVersion is that of the jars, as they are published.
const kafkaVersion = "3.9.1"

// kafka tells clients its address, so it has to know at its start where it is reached. It keeps
// what it is given: rows of tests have times of long ago, and half a minute after its start a
// broker deletes those of more than a week.
var kafka = &kind{
	name: "kafka", image: "apache/kafka:" + kafkaVersion, port: "9092", dsn: plainAddress, local: localKafka, patience: 2 * time.Minute,
	envAt: func(port string) map[string]string {
		return map[string]string{
			"KAFKA_NODE_ID": "1", "KAFKA_PROCESS_ROLES": "broker,controller", "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
			"KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093", "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://localhost:" + port,
			"KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1", "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1", "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1", "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "1",
			"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0", "KAFKA_LOG_RETENTION_MS": "-1",
		}
	},
	hello: func(c net.Conn) error { // ApiVersions, version 0
		head := []byte{0, 18, 0, 0, 0, 0, 0, 1, 0, 4, 'm', 'i', 'n', 'k'}
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(head))), head...)); err != nil {
			return err
		}
		var b [10]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return err
		}
		if code := binary.BigEndian.Uint16(b[8:]); code != 0 {
			return fmt.Errorf("it answers with error %d", code)
		}
		return nil
	},
}

// kafkaJars is the folder with the jars: that of KAFKA_HOME, or the user's cache, which is
// filled with Maven the first time.
func (h *here) kafkaJars() (string, error) {
	for _, home := range []string{os.Getenv("KAFKA_HOME"), "/opt/kafka", "/usr/share/kafka"} {
		if list, _ := filepath.Glob(filepath.Join(home, "libs", "kafka_*.jar")); home != "" && len(list) > 0 {
			return filepath.Join(home, "libs"), nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", absentf("no Kafka: %v", err)
	}
	dir := filepath.Join(cache, "mink", "kafka-"+kafkaVersion)
	done := filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", absentf("no Kafka in KAFKA_HOME, and no Maven to get its jars")
	}
	pom := filepath.Join(h.dir, "pom.xml")
	text := `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>mink</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + kafkaVersion + `</version></dependency></dependencies></project>
`
	if err := os.WriteFile(pom, []byte(text), 0o644); err != nil {
		return "", err
	}
	if err := h.run(mvn, "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory="+dir); err != nil {
		return "", absentf("Maven does not get the jars of Kafka: %v", err)
	}
	return dir, os.WriteFile(done, nil, 0o644)
}

// localKafka starts a broker that is its own controller.
func localKafka(h *here) error {
	java, err := exec.LookPath("java")
	if err != nil {
		return absentf("no Java for Kafka")
	}
	jars, err := h.kafkaJars()
	if err != nil {
		return err
	}
	control, err := freePort()
	if err != nil {
		return err
	}
	conf := filepath.Join(h.dir, "server.properties")
	text := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]s
listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]s
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
`, h.port, control, filepath.Join(h.dir, "logs"))
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	path := filepath.Join(jars, "*")
	if err := h.run(java, "-cp", path, "kafka.tools.StorageTool", "format", "-t", "bWluay10ZXN0LWNsdXN0ZQ", "-c", conf); err != nil {
		return err
	}
	return h.serve(java, "-Xmx256m", "-cp", path, "kafka.Kafka", conf)
}
