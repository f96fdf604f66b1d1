package bigquerylocal

import (
	"sort"
	"sync"

	bq "google.golang.org/api/bigquery/v2"
)

// A catalog holds the datasets and tables of all projects.
type catalog struct {
	server *Server

	mu       sync.RWMutex
	datasets map[datasetName]*dataset
	etags    int
}

type datasetName struct{ project, dataset string }

// String is the name as error messages have it.
func (n datasetName) String() string { return n.project + ":" + n.dataset }

type dataset struct {
	meta   *bq.Dataset
	tables map[string]*table
}

// dataset returns a dataset, or the error that says that there is none.
func (c *catalog) dataset(n datasetName) (*dataset, error) {
	d := c.datasets[n]
	if d == nil {
		return nil, notFound("Dataset %s", n)
	}
	return d, nil
}

// table returns a table, or the error that says that there is none. A table whose expiration time
// has come is none.
func (c *catalog) table(n tableName) (*table, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.tableLocked(n)
}

func (c *catalog) tableLocked(n tableName) (*table, error) {
	d, err := c.dataset(datasetName{n.project, n.dataset})
	if err != nil {
		return nil, err
	}
	t := d.tables[n.table]
	if t == nil || c.expired(t) {
		return nil, notFound("Table %s", n)
	}
	return t, nil
}

func (c *catalog) expired(t *table) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.meta.ExpirationTime
	return at > 0 && c.server.options.Now().UnixMilli() >= at
}

// list returns the tables of a dataset by name.
func (c *catalog) list(n datasetName) ([]*table, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, err := c.dataset(n)
	if err != nil {
		return nil, err
	}
	var tables []*table
	for _, t := range d.tables {
		if !c.expired(t) {
			tables = append(tables, t)
		}
	}
	sort.Slice(tables, func(i, j int) bool { return tables[i].name.table < tables[j].name.table })
	return tables, nil
}
