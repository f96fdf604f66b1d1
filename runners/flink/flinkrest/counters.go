package flinkrest

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Counters returns what the transforms of a job have counted since its last restart, by the names of
// Beam's counters in a namespace, and how often the job was restarted. Once the job has ended, they are
// those of its last moment, and the restarts are negative: that is not known any more.
func (c *Client) Counters(ctx context.Context, job, namespace string) (restarts int64, values map[string]int64, err error) {
	s, err := c.Status(ctx, job)
	if err != nil {
		return 0, nil, err
	}
	values = map[string]int64{}
	if s.State.Ended() {
		return -1, values, c.final(ctx, job, namespace, values)
	}
	of := "/jobs/" + url.PathEscape(job)
	var n []metric
	if err := c.call(ctx, http.MethodGet, of+"/metrics?get=numRestarts", nil, &n); err != nil {
		return 0, nil, err
	}
	if len(n) > 0 {
		restarts, _ = strconv.ParseInt(n[0].Value, 10, 64) // one that is no number is none
	}
	for _, v := range s.Vertices {
		if err := c.ofVertex(ctx, of+"/vertices/"+url.PathEscape(v.ID)+"/subtasks/metrics", namespace, values); err != nil {
			return 0, nil, err
		}
	}
	return restarts, values, nil
}

// Clock returns a number that grows as long as the cluster renews what it tells as metrics, watermarks and
// counters: how long the JobManager's JVM has kept processors busy, in ns.
func (c *Client) Clock(ctx context.Context) (int64, error) {
	const name = "Status.JVM.CPU.Time"
	var n []metric
	if err := c.call(ctx, http.MethodGet, "/jobmanager/metrics?get="+name, nil, &n); err != nil {
		return 0, err
	}
	if len(n) == 0 {
		return 0, fmt.Errorf("the JobManager has no metric %s", name)
	}
	return strconv.ParseInt(n[0].Value, 10, 64)
}

// A metric is one of Flink's own, or the sum of several.
type metric struct {
	ID    string  `json:"id"`
	Value string  `json:"value"`
	Sum   float64 `json:"sum"`
}

// ofVertex adds the counters of a vertex. Flink names each by its operator, a dot, and Beam's name, which
// has an underscore in the place of the dot between the namespace and the name.
func (c *Client) ofVertex(ctx context.Context, path, namespace string, values map[string]int64) error {
	var all []metric
	if err := c.call(ctx, http.MethodGet, path, nil, &all); err != nil {
		return err
	}
	names := map[string]string{}
	var ids []string
	for _, m := range all {
		if name, ok := strings.CutPrefix(m.ID[strings.LastIndexByte(m.ID, '.')+1:], namespace+"_"); ok {
			names[m.ID] = name
			ids = append(ids, url.QueryEscape(m.ID))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := c.call(ctx, http.MethodGet, path+"?agg=sum&get="+strings.Join(ids, ","), nil, &all); err != nil {
		return err
	}
	for _, m := range all {
		if name, ok := names[m.ID]; ok {
			values[name] += int64(m.Sum)
		}
	}
	return nil
}

// final adds the counters of a job that has ended. Beam keeps them in an accumulator, whose text is that
// of its own answer to the question for the metrics of a job.
func (c *Client) final(ctx context.Context, job, namespace string, values map[string]int64) error {
	var a struct {
		Accumulators []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"user-task-accumulators"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+url.PathEscape(job)+"/accumulators", nil, &a); err != nil {
		return err
	}
	for _, acc := range a.Accumulators {
		if acc.Name != "__metricscontainers" {
			continue
		}
		var m struct {
			Metrics struct {
				Attempted []struct {
					URN     string            `json:"urn"`
					Payload string            `json:"payload"`
					Labels  map[string]string `json:"labels"`
				} `json:"attempted"`
			} `json:"metrics"`
		}
		if err := json.Unmarshal([]byte(acc.Value), &m); err != nil {
			return fmt.Errorf("%s tells counters that cannot be read: %w", c.base, err)
		}
		for _, one := range m.Metrics.Attempted {
			payload, err := base64.StdEncoding.DecodeString(one.Payload)
			n, size := binary.Uvarint(payload)
			if err == nil && size > 0 && one.URN == "beam:metric:user:sum_int64:v1" && one.Labels["NAMESPACE"] == namespace {
				values[one.Labels["NAME"]] += int64(n)
			}
		}
	}
	return nil
}

// HighlyAvailable tells whether another JobManager takes over the jobs when one is lost.
func (c *Client) HighlyAvailable(ctx context.Context) (bool, error) {
	var a []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobmanager/config", nil, &a); err != nil {
		return false, err
	}
	for _, o := range a {
		if o.Key == "high-availability.type" || o.Key == "high-availability" {
			return !strings.EqualFold(o.Value, "none"), nil
		}
	}
	return false, nil
}
