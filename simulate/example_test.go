package simulate_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"flexbeam/simulate"
)

func ExampleWrite() {
	c := simulate.DefaultConfig()
	c.Events = 1000
	stats, err := simulate.Write(context.Background(), c, io.Discard)
	fmt.Println(stats.Events, stats.Records, err)
	// Output: 1000 1000 <nil>
}

func ExampleEach() {
	c := simulate.DefaultConfig()
	c.Events, c.Form = 50, simulate.String
	inOrder, tasks := true, 0
	last := c.Start
	_, err := simulate.Each(context.Background(), c, func(r simulate.Record) error {
		inOrder = inOrder && !r.Arrival.Before(last)
		last = r.Arrival
		if strings.HasPrefix(r.Key, "WT") {
			tasks++
		}
		return nil
	})
	fmt.Println(inOrder, tasks > 0, err)
	// Output: true true <nil>
}

func ExampleDescribe() {
	fmt.Println(strings.Split(simulate.Describe(), "\n")[0])
	// Output: Lifecycles (percent of the arriving contacts):
}
