package bigquerylocal

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"

	bq "google.golang.org/api/bigquery/v2"
)

// uploads are the resumable uploads under way
// (https://cloud.google.com/bigquery/docs/reference/api-uploads).
type uploads struct {
	server *Server

	mu    sync.Mutex
	all   map[string]*resumable
	count int
}

// A resumable is a load job whose file comes in chunks.
type resumable struct {
	mu    sync.Mutex
	meta  *bq.Job
	file  *os.File
	size  int64
	done  *job // when the file is complete
	fails *apiError
}

// upload is jobs.insert with media: in one request (multipart), or begun by one and sent in chunks
// (resumable).
func (c *call) upload() (any, error) {
	switch {
	case c.parameter("upload_id") != "":
		return c.chunk()
	case c.parameter("uploadType") == "multipart":
		return c.multipart()
	case c.parameter("uploadType") == "resumable":
		return c.begin()
	}
	return nil, unknown("the upload type %q", c.parameter("uploadType"))
}

// parameter returns a parameter of the URL, without reading the body as FormValue may.
func (c *call) parameter(name string) string { return c.URL.Query().Get(name) }

func (c *call) multipart() (any, error) {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" {
		return nil, invalid("A multipart upload has the content type multipart/related, not %q", c.Header.Get("Content-Type"))
	}
	r := multipart.NewReader(c.Body, params["boundary"])
	part, err := r.NextPart()
	if err != nil {
		return nil, invalid("The upload has no metadata: %v", err)
	}
	m := &bq.Job{}
	if err := json.NewDecoder(part).Decode(m); err != nil {
		return nil, invalid("Parse error of the job: %v", err)
	}
	if part, err = r.NextPart(); err != nil {
		return nil, invalid("The upload has no media: %v", err)
	}
	file, err := os.CreateTemp(c.server.dir, "media-*")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(file, part)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(file.Name())
		return nil, invalid("The upload was cut off: %v", err)
	}
	one, err := c.server.insert(c.PathValue("project"), m, file.Name())
	if err != nil {
		os.Remove(file.Name())
		return nil, err
	}
	return one.started(), nil
}

func (c *call) begin() (any, error) {
	m := &bq.Job{}
	if err := c.body(m); err != nil {
		return nil, err
	}
	u := &c.server.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	if m.JobReference != nil { // told at once, as the file would be sent for nothing
		c.server.jobs.mu.Lock()
		taken := c.server.jobs.all[jobName{c.PathValue("project"), m.JobReference.JobId}] != nil
		c.server.jobs.mu.Unlock()
		if taken {
			return nil, duplicate("Job %s:%s", c.PathValue("project"), m.JobReference.JobId)
		}
	}
	file, err := os.CreateTemp(c.server.dir, "media-*")
	if err != nil {
		return nil, err
	}
	u.count++
	id := fmt.Sprintf("local-upload-%d", u.count)
	if u.all == nil {
		u.all = map[string]*resumable{}
	}
	u.all[id] = &resumable{meta: m, file: file}
	c.w.Header().Set("Location", fmt.Sprintf("http://%s%s?uploadType=resumable&upload_id=%s", c.Host, c.URL.Path, id))
	c.w.WriteHeader(http.StatusOK)
	return answered{}, nil
}

var contentRange = regexp.MustCompile(`^bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)$`)

// chunk takes a piece of a file, and starts the job with the last one. A piece that begins
// elsewhere than where the file ends so far is answered with how much there is, and so is a
// question for that, which has no piece.
func (c *call) chunk() (any, error) {
	u := &c.server.uploads
	u.mu.Lock()
	r := u.all[c.parameter("upload_id")]
	u.mu.Unlock()
	if r == nil {
		return nil, notFound("Upload %s", c.parameter("upload_id"))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done != nil {
		return r.done.describe(), nil
	}
	if r.fails != nil {
		return nil, r.fails
	}
	m := contentRange.FindStringSubmatch(c.Header.Get("Content-Range"))
	if m == nil {
		return nil, invalid("Invalid Content-Range %q", c.Header.Get("Content-Range"))
	}
	end := r.size
	if m[1] != "" {
		from, _ := strconv.ParseInt(m[1], 10, 64)
		to, _ := strconv.ParseInt(m[2], 10, 64)
		if from > r.size {
			return nil, invalid("Content-Range %q begins behind the %d bytes that were received", m[0], r.size)
		}
		if _, err := r.file.Seek(from, io.SeekStart); err != nil {
			return nil, err
		}
		n, err := io.Copy(r.file, c.Body)
		r.size = max(r.size, from+n)
		if err != nil || from+n != to+1 {
			return c.incomplete(r)
		}
		end = to + 1
	}
	if m[3] == "*" {
		return c.incomplete(r)
	}
	if total, _ := strconv.ParseInt(m[3], 10, 64); total != r.size || end != r.size {
		return c.incomplete(r)
	}
	if err := r.file.Close(); err != nil {
		return nil, err
	}
	one, err := c.server.insert(c.PathValue("project"), r.meta, r.file.Name())
	if err != nil {
		r.fails = asAPI(err)
		os.Remove(r.file.Name())
		return nil, err
	}
	r.done = one
	return one.started(), nil
}

// incomplete answers 308, Resume Incomplete, with what was received. Clients that say so get 200
// with the 308 in a header.
func (c *call) incomplete(r *resumable) (any, error) {
	if r.size > 0 {
		c.w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", r.size-1))
	}
	code := http.StatusPermanentRedirect
	if c.Header.Get("X-GUploader-No-308") == "yes" {
		c.w.Header().Set("X-HTTP-Status-Code-Override", "308")
		code = http.StatusOK
	}
	c.w.WriteHeader(code)
	return answered{}, nil
}
