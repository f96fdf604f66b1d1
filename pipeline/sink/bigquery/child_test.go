package bigquery

import (
	"context"
	"fmt"
	"os"
	"strings"

	"flexbeam/pipeline/sink/sinktest"
)

// childEnv holds the URI that a child process of the test writes to.
const childEnv = "FLEXBEAM_TEST_CHILD"

// child writes and flushes, says so, and goes on writing until it is killed.
func child(uri string) {
	ctx := context.Background()
	s, err := open(ctx, strings.TrimPrefix(uri, "bigquery:"))
	for i := 0; err == nil; i++ {
		for _, b := range sinktest.Engagements(2000, 50000, uint64(i%4)) {
			if err = s.Write(ctx, b); err != nil {
				break
			}
		}
		if err == nil {
			if err = s.Flush(ctx); err == nil {
				fmt.Println("flushed", i+1)
			}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
