// Package flinkrest speaks to a Flink cluster over its REST interface: which jobs it has, how far
// they are, why one failed, and how one is stopped so that another can go on.
package flinkrest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The errors of a client.
var (
	ErrUnreachable = errors.New("no answer from Flink")
	ErrNoJob       = errors.New("no such job on Flink")
	ErrRefused     = errors.New("refused by Flink")
)

// callWithin is how long one call may take.
const callWithin = 30 * time.Second

// A Client speaks to one cluster. Its methods may be called from several goroutines.
type Client struct {
	base string
}

// New returns a client of the cluster whose REST interface is at HOST:PORT, or at a URL.
func New(addr string) *Client {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	return &Client{base: strings.TrimRight(addr, "/")}
}

// call makes one call. in is the body, nil for none; out gets the answer, nil for none.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, stop := context.WithTimeout(ctx, callWithin)
	defer stop()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w at %s: %w: is its REST interface there?", ErrUnreachable, c.base, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base, err)
	}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %s", ErrNoJob, reason(text))
	case resp.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%w at %s: status %d: %s", ErrUnreachable, c.base, resp.StatusCode, reason(text))
	case resp.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%w: %s", ErrRefused, reason(text))
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s answers what Flink would not: %w", c.base, err)
	}
	return nil
}

// reason returns what an answer says of an error, in one line.
func reason(text []byte) string {
	var e struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(text, &e) != nil || len(e.Errors) == 0 {
		return strings.Join(strings.Fields(fmt.Sprintf("%.300s", text)), " ")
	}
	return Cause(e.Errors[len(e.Errors)-1])
}
