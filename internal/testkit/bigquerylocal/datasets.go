package bigquerylocal

import (
	"context"
	"fmt"
	"regexp"
	"sort"
	"strings"

	bq "google.golang.org/api/bigquery/v2"
)

// entityName is what datasets and tables may be called here. BigQuery takes more of tables.
var entityName = regexp.MustCompile(`^[\pL\pN_-]+$`)

// labelKey and labelValue follow https://cloud.google.com/bigquery/docs/labels-intro#requirements.
var (
	labelKey   = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
)

func checkLabels(labels map[string]string) error {
	if len(labels) > 64 {
		return invalid("Too many labels: %d, at most 64 are allowed", len(labels))
	}
	for k, v := range labels {
		if !labelKey.MatchString(k) || !labelValue.MatchString(v) {
			return invalid("Invalid label %q: %q: keys and values have lower-case letters, digits, underscores and dashes, at most 63 characters", k, v)
		}
	}
	return nil
}

// stamp gives a resource a new etag, from a counter, so that every change shows.
func (c *catalog) stamp() string {
	c.etags++
	return fmt.Sprintf("local-%d", c.etags)
}

func (c *call) insertDataset() (any, error) {
	var d bq.Dataset
	if err := c.body(&d); err != nil {
		return nil, err
	}
	if d.DatasetReference == nil {
		return nil, invalid("Required parameter is missing: datasetReference")
	}
	n := datasetName{c.PathValue("project"), d.DatasetReference.DatasetId}
	return c.server.catalog.createDataset(c.Context(), n, &d)
}

// createDataset makes a dataset from its resource.
func (c *catalog) createDataset(ctx context.Context, n datasetName, d *bq.Dataset) (*bq.Dataset, error) {
	if !entityName.MatchString(n.dataset) || strings.Contains(n.dataset, "-") {
		return nil, invalid("Invalid dataset ID %q. Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.", n.dataset)
	}
	if err := checkLabels(d.Labels); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.datasets[n] != nil {
		return nil, duplicate("Dataset %s", n)
	}
	if err := c.server.warehouse.exec(ctx, "CREATE SCHEMA "+ident(n.project+"."+n.dataset)); err != nil {
		return nil, err
	}
	now := c.server.options.Now().UnixMilli()
	d.DatasetReference = &bq.DatasetReference{ProjectId: n.project, DatasetId: n.dataset}
	d.Kind, d.Id, d.Etag = "bigquery#dataset", n.String(), c.stamp()
	d.CreationTime, d.LastModifiedTime = now, now
	if d.Location == "" {
		d.Location = c.server.options.Location
	}
	if c.datasets == nil {
		c.datasets = map[datasetName]*dataset{}
	}
	c.datasets[n] = &dataset{meta: d, tables: map[string]*table{}}
	return d, nil
}

func (c *call) getDataset() (any, error) {
	k := &c.server.catalog
	k.mu.RLock()
	defer k.mu.RUnlock()
	d, err := k.dataset(c.dataset())
	if err != nil {
		return nil, err
	}
	return d.meta, nil
}

func (c *call) listDatasets() (any, error) {
	k := &c.server.catalog
	k.mu.RLock()
	defer k.mu.RUnlock()
	var all []*bq.DatasetListDatasets
	for n, d := range k.datasets {
		if n.project == c.PathValue("project") {
			all = append(all, &bq.DatasetListDatasets{Kind: "bigquery#dataset", Id: n.String(), DatasetReference: d.meta.DatasetReference, Labels: d.meta.Labels,
				FriendlyName: d.meta.FriendlyName, Location: d.meta.Location})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Id < all[j].Id })
	part, next, err := page(c, all)
	return &bq.DatasetList{Kind: "bigquery#datasetList", Datasets: part, NextPageToken: next}, err
}

func (c *call) changeDataset() (any, error) {
	k := &c.server.catalog
	k.mu.Lock()
	defer k.mu.Unlock()
	d, err := k.dataset(c.dataset())
	if err != nil {
		return nil, err
	}
	if err := c.matches(d.meta.Etag); err != nil {
		return nil, err
	}
	m := &bq.Dataset{}
	if err := c.merge(d.meta, []string{"kind", "id", "datasetReference", "creationTime", "location"}, m); err != nil {
		return nil, err
	}
	if err := checkLabels(m.Labels); err != nil {
		return nil, err
	}
	m.Etag, m.LastModifiedTime = k.stamp(), c.server.options.Now().UnixMilli()
	d.meta = m
	return m, nil
}

func (c *call) deleteDataset() (any, error) {
	k := &c.server.catalog
	k.mu.Lock()
	defer k.mu.Unlock()
	n := c.dataset()
	d, err := k.dataset(n)
	if err != nil {
		return nil, err
	}
	if len(d.tables) > 0 && c.FormValue("deleteContents") != "true" {
		return nil, &apiError{code: 400, reason: "resourceInUse", message: fmt.Sprintf("Dataset %s is still in use", n)}
	}
	for _, t := range d.tables {
		t.leave()
	}
	if err := c.server.warehouse.exec(c.Context(), "DROP SCHEMA "+ident(n.project+"."+n.dataset)+" CASCADE"); err != nil {
		return nil, err
	}
	delete(k.datasets, n)
	return nil, nil
}

// CreateDataset makes a dataset, as a client could.
func (s *Server) CreateDataset(project, dataset string) error {
	d := &bq.Dataset{DatasetReference: &bq.DatasetReference{ProjectId: project, DatasetId: dataset}}
	_, err := s.catalog.createDataset(context.Background(), datasetName{project, dataset}, d)
	return err
}
