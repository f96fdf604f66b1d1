package bigquery

import (
	"bufio"
	"context"
	"encoding/gob"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
)

// childEnv holds the file of blocks and the URI that a child process of the test writes them to.
const childEnv = "FLEXBEAM_TEST_CHILD"

// child writes blocks, with a flush after each, and says so.
func child(file, uri string) error {
	ctx := context.Background()
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var blocks []change.Block
	if err := gob.NewDecoder(f).Decode(&blocks); err != nil {
		return err
	}
	s, err := sink.Open(ctx, uri, sink.Options{})
	if err != nil {
		return err
	}
	for i, b := range blocks {
		if err := s.Write(ctx, b); err != nil {
			return err
		}
		if i%3 == 2 {
			if err := s.Flush(ctx); err != nil {
				return err
			}
			fmt.Println("flushed", i)
		}
	}
	return s.Close(ctx)
}

func childMain(args string) {
	file, uri, _ := strings.Cut(args, "|")
	if err := child(file, uri); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

func TestFiftyKillsOfTheWriterLeaveTheTablesOfDuckDB(t *testing.T) {
	blocks := dayBlocks(t)
	db := inDuckDB(t, blocks)
	// Fewer and larger blocks, so that each child gets somewhere.
	var joined []change.Block
	for i, b := range blocks {
		if i%max(1, len(blocks)/60) == 0 {
			joined = append(joined, nil)
		}
		joined[len(joined)-1] = append(joined[len(joined)-1], b...)
	}
	file := filepath.Join(t.TempDir(), "blocks")
	f, err := os.Create(file)
	must(t, err)
	must(t, gob.NewEncoder(f).Encode(joined))
	must(t, f.Close())
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=stream")
	must(t, apply(t, uri))
	for i := range 51 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childEnv+"="+file+"|"+uri+"&schema=none")
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		lines, last := 0, ""
		for scan := bufio.NewScanner(out); scan.Scan(); {
			last = scan.Text()
			if lines++; i < 50 && lines > i%len(joined[:15]) {
				must(t, c.Process.Kill())
				break
			}
		}
		err = c.Wait()
		if i == 50 && (err != nil || last != "done") {
			t.Fatalf("%s, %v", last, err)
		}
		if strings.HasPrefix(last, "failed") {
			t.Fatal(last)
		}
	}
	sameTables(t, db, uri)
}
