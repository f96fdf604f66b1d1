package kinesistest

import (
	_ "embed" // the files of kinesislocal
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"flexbeam/internal/testkit/install"
)

var (
	//go:embed kinesislocal/package.json
	localPackage []byte
	//go:embed kinesislocal/package-lock.json
	localLock []byte
	//go:embed kinesislocal/loopback.cjs
	localLoopback []byte
)

// KinesisLocalVersion is the version that kinesislocal/package.json pins.
const KinesisLocalVersion = "0.6.2"

const nodeHint = "kinesis-local needs Node.js 20 or later with npm; FLEXBEAM_TEST_KINESIS=fake does without"

// StartKinesisLocal starts kinesis-local, installing it first if need be. Its changes of streams
// and consumers take a few milliseconds.
func StartKinesisLocal(t testing.TB) *Server {
	t.Helper()
	node := install.Tool(t, "node", nodeHint)
	folder := install.NPM(t, "kinesis-local-"+KinesisLocalVersion, nodeHint, map[string][]byte{"package.json": localPackage, "package-lock.json": localLock})
	preload := filepath.Join(t.TempDir(), "loopback.cjs")
	if err := os.WriteFile(preload, localLoopback, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "--require", preload, "main.js")
	cmd.Dir = filepath.Join(folder, "node_modules", "kinesis-local") // it looks for server.json there
	cmd.Env = append(os.Environ(), "KINESIS_MOCK_PLAIN_PORT=4568", "SHARD_LIMIT=1000", "LOG_LEVEL=ERROR")
	for _, change := range []string{
		"CREATE_STREAM", "DELETE_STREAM", "REGISTER_STREAM_CONSUMER", "DEREGISTER_STREAM_CONSUMER", "MERGE_SHARDS", "SPLIT_SHARD",
		"UPDATE_SHARD_COUNT", "UPDATE_STREAM_MODE",
	} {
		cmd.Env = append(cmd.Env, change+"_DURATION=20ms")
	}
	return run(t, "kinesis-local", cmd)
}
